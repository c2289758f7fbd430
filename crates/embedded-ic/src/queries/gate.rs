//! Where the host and its queries meet: the committed state, which queries start from and commits replace.
//!
//! A query takes a snapshot when it starts, and runs without any lock. Until it has ended, commits leave its snapshot alone:
//! they copy the heap pages that they change into its memory, and keep the stable pages that they replace. A commit that
//! cannot do so waits for the queries that are running; none takes longer than its instructions allow.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::committed::{Committed, GlobalValue};
use crate::error::HostError;
use crate::fault::Fault;
use crate::heap::{HeapView, Region, pages_in};
use crate::instance::Instance;
use crate::module::Prepared;
use crate::stable::{Snapshot, Snapshots, Versions};
use crate::system_api::CanisterEnv;

/// Most old pages of stable memory that are kept for queries: 64 MiB. A commit that would exceed it waits for the queries.
pub(super) const MAX_OLD_PAGES: usize = 16_384;

/// The committed state as queries need it.
pub(crate) struct View {
    pub(super) env: CanisterEnv,
    pub(super) module: Option<Arc<Prepared>>,
    pub(super) stable: Arc<Versions>,
    pub(super) stable_pages: u64,
    heap: HeapView,
    heap_pages: u64,
    globals: Vec<GlobalValue>,
    scratch: Range<u32>,
    /// Number of this state.
    pub(super) snapshot: Snapshot,
    /// Incremented with each new module, which needs new instances.
    generation: u64,
}

struct State {
    view: Option<View>,
    /// Why there can be no more queries.
    refusal: Option<Refusal>,
}

enum Refusal {
    Closed,
    Failed(String),
}

/// Instances, and the queries that run on them.
#[derive(Default)]
struct Pool {
    /// Snapshots and memories of the running queries, by ticket.
    running: BTreeMap<u64, (Snapshot, Option<Region>)>,
    next_ticket: u64,
    /// Instances without private pages, for the next queries.
    idle: Vec<Instance>,
    /// Generation of the idle instances.
    generation: u64,
    /// Number of queries that have an instance, or are about to get one.
    slots: usize,
    /// Whether a commit has waited for queries.
    #[cfg(test)]
    has_waited: bool,
}

/// Meeting point of a host and its queries.
pub(crate) struct Gate {
    state: RwLock<State>,
    pool: Mutex<Pool>,
    /// A slot is free.
    freed: Condvar,
    /// A query has ended.
    ended: Condvar,
    max_slots: usize,
}

/// The host's end, which lets the running queries end when it is dropped, and refuses others.
pub(crate) struct Owner(pub(crate) Arc<Gate>);

impl Drop for Owner {
    fn drop(&mut self) {
        let mut state = self.0.write();
        state.refusal = Some(Refusal::Closed);
        let mut pool = self.0.wait_for_queries();
        pool.idle.clear();
        state.view = None;
    }
}

/// The committed state, which does not change while this exists.
pub(super) struct Open<'a>(RwLockReadGuard<'a, State>);

impl std::ops::Deref for Open<'_> {
    type Target = View;

    fn deref(&self) -> &View {
        self.0.view.as_ref().expect("only a state with a view is open")
    }
}

impl Gate {
    /// Creates the gate of a host that has not published its state yet.
    pub(crate) fn new(max_slots: usize) -> Arc<Self> {
        let state = State { view: None, refusal: None };
        Arc::new(Self {
            state: RwLock::new(state),
            pool: Mutex::default(),
            freed: Condvar::new(),
            ended: Condvar::new(),
            max_slots,
        })
    }

    /// Returns the most queries that run at the same time.
    pub(super) fn max_slots(&self) -> usize {
        self.max_slots
    }

    /// Returns the number of queries that are running.
    pub(super) fn running(&self) -> usize {
        self.pool().running.len()
    }

    /// Waits until fewer than the most queries are running.
    pub(super) fn slot(self: &Arc<Self>) -> Slot {
        let mut pool = self.pool();
        while pool.slots >= self.max_slots {
            pool = self.freed.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        pool.slots += 1;
        Slot { gate: Arc::clone(self) }
    }

    /// Returns the committed state.
    ///
    /// # Errors
    /// `Closed`, `Poisoned`.
    pub(super) fn open(&self) -> Result<Open<'_>, HostError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        match (&state.refusal, &state.view) {
            (Some(Refusal::Failed(why)), _) => Err(HostError::Poisoned(why.clone())),
            (None, Some(_)) => Ok(Open(state)),
            (Some(Refusal::Closed), _) | (None, None) => Err(HostError::Closed),
        }
    }

    /// Begins a commit: no query starts before it has ended.
    pub(crate) fn commit(&self) -> Commit<'_> {
        Commit { gate: self, state: self.write(), is_published: false }
    }

    /// Refuses all further queries.
    pub(crate) fn fail(&self, why: &str) {
        self.write().refusal = Some(Refusal::Failed(why.to_owned()));
    }

    /// Returns whether a commit has waited for queries.
    #[cfg(test)]
    pub(super) fn has_waited(&self) -> bool {
        self.pool().has_waited
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for_queries(&self) -> MutexGuard<'_, Pool> {
        let mut pool = self.pool();
        while !pool.running.is_empty() {
            #[cfg(test)]
            (pool.has_waited = true);
            pool = self.ended.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        pool
    }
}

/// Permission for one query.
pub(super) struct Slot {
    gate: Arc<Gate>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.gate.pool().slots -= 1;
        self.gate.freed.notify_one();
    }
}

impl Slot {
    /// Returns an instance of the committed state, and registers it as running.
    pub(super) fn start(&self, view: &View, module: &Prepared) -> Result<Running<'_>, Fault> {
        // A new module has removed the instances of the one before.
        let idle = self.gate.pool().idle.pop();
        let instance = match idle {
            Some(mut instance) => {
                instance.attach(&view.heap, view.heap_pages, &view.globals)?;
                instance
            }
            None => Instance::attached(module, &view.heap, view.heap_pages, &view.globals)?,
        };
        let mut pool = self.gate.pool();
        let ticket = pool.next_ticket;
        pool.next_ticket += 1;
        pool.running.insert(ticket, (view.snapshot, instance.region()));
        let end = End { gate: &self.gate, ticket, stable: Arc::clone(&view.stable) };
        Ok(Running {
            end,
            instance,
            heap: view.heap.clone(),
            heap_pages: view.heap_pages,
            scratch: view.scratch.clone(),
            generation: (!module.shape.needs_fresh_instances).then_some(view.generation),
        })
    }
}

/// Ends the registration of a query. Commits no longer care for its memory then.
struct End<'a> {
    gate: &'a Gate,
    ticket: u64,
    stable: Arc<Versions>,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        let mut pool = self.gate.pool();
        pool.running.remove(&self.ticket);
        if pool.running.is_empty() {
            self.stable.forget_old();
        }
        drop(pool);
        self.gate.ended.notify_all();
    }
}

/// An instance with a query on it.
pub(super) struct Running<'a> {
    /// Dropped first: the memory exists while it is registered.
    end: End<'a>,
    pub(super) instance: Instance,
    heap: HeapView,
    heap_pages: u64,
    scratch: Range<u32>,
    /// Generation of the instance, if another query can use it.
    generation: Option<u64>,
}

impl Running<'_> {
    /// Drops what the query has changed, and keeps the instance for another one. Returns the number of 4 KiB pages of the heap
    /// that were copied for it.
    pub(super) fn finish(self) -> Result<u64, HostError> {
        let Self { end, mut instance, heap, heap_pages, scratch, generation } = self;
        let gate = end.gate;
        let dirty = if heap.finds_copies() {
            // A commit copies pages into the memory as long as it is registered.
            drop(end);
            let dirty = instance.dirty(&heap, &scratch)?;
            instance.map(&heap, &dirty)?;
            dirty
        } else {
            // The memory is compared with the file, which must not change meanwhile. The next query maps all of it.
            let dirty = instance.dirty(&heap, &scratch)?;
            drop(end);
            dirty
        };
        let mut pool = gate.pool();
        if generation == Some(pool.generation) && instance.heap_pages() == heap_pages {
            pool.idle.push(instance);
        }
        Ok(pages_in(&dirty))
    }
}

/// A commit in progress. If it is dropped before [`Self::publish`], the state is inconsistent, and queries are refused.
pub(crate) struct Commit<'a> {
    gate: &'a Gate,
    state: RwLockWriteGuard<'a, State>,
    is_published: bool,
}

/// What a commit publishes, besides the committed state.
pub(crate) struct Published<'a> {
    pub(crate) module: Option<&'a Arc<Prepared>>,
    pub(crate) heap: &'a HeapView,
    pub(crate) stable: &'a Arc<Versions>,
    pub(crate) scratch: Range<u32>,
}

impl Commit<'_> {
    /// Copies pages of the heap that are about to change into the memories of running queries.
    pub(crate) fn keep_heap(&self, ranges: &[Range<usize>]) {
        let pool = self.gate.pool();
        let regions = pool.running.values().filter_map(|&(_, region)| region);
        let kept = regions
            .flat_map(|region| ranges.iter().map(move |range| region.keep(range)))
            .collect::<Result<(), _>>();
        drop(pool);
        if kept.is_err() {
            drop(self.gate.wait_for_queries());
        }
    }

    /// Returns the snapshots that queries see while `pages` pages of stable memory change.
    pub(crate) fn snapshots(&self, pages: usize) -> Snapshots {
        if self.state.view.as_ref().is_some_and(|view| view.stable.kept() + pages > MAX_OLD_PAGES) {
            drop(self.gate.wait_for_queries());
        }
        let pool = self.gate.pool();
        let in_use = pool.running.values().map(|&(snapshot, _)| snapshot);
        let in_use = in_use.clone().min().zip(in_use.max()).map(|(oldest, newest)| oldest..=newest);
        Snapshots { in_use, next: self.next() }
    }

    /// Waits for all queries and drops their instances.
    pub(crate) fn retire_instances(&mut self) {
        let mut pool = self.gate.wait_for_queries();
        pool.idle.clear();
        pool.generation += 1;
    }

    /// Publishes the committed state, which the next queries see.
    pub(crate) fn publish(mut self, committed: &Committed, with: Published<'_>) {
        let view = View {
            env: committed.env.clone(),
            module: with.module.cloned(),
            stable: Arc::clone(with.stable),
            stable_pages: committed.stable_pages,
            heap: with.heap.clone(),
            heap_pages: committed.heap_pages,
            globals: committed.globals.clone(),
            scratch: with.scratch,
            snapshot: self.next(),
            generation: self.gate.pool().generation,
        };
        self.state.view = Some(view);
        self.is_published = true;
    }

    fn next(&self) -> Snapshot {
        self.state.view.as_ref().map_or(0, |view| view.snapshot + 1)
    }
}

impl Drop for Commit<'_> {
    fn drop(&mut self) {
        if !self.is_published && self.state.refusal.is_none() {
            self.state.refusal = Some(Refusal::Failed("the commit of a message has failed".into()));
        }
    }
}
