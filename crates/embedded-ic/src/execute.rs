//! Execution of a message, followed by a commit or a rollback.

use std::ops::Range;
use std::sync::Arc;

use candid::Principal;

use crate::committed::Committed;
use crate::disk;
use crate::error::HostError;
use crate::fault::Fault;
use crate::folder::{Change, Folder};
use crate::host::EmbeddedIc;
use crate::instance::{Ended, Instance};
use crate::log::Log;
use crate::module::Prepared;
use crate::space::disk_full;
use crate::stable::{PAGE, StableMemory};
use crate::system_api::{CanisterEnv, Kind, Message};

/// Function to run.
pub(crate) struct Call<'a> {
    pub(crate) kind: Kind,
    /// The exported function.
    pub(crate) export: &'a str,
    pub(crate) sender: Principal,
    pub(crate) method: &'a str,
    pub(crate) arg: &'a Arc<Vec<u8>>,
    /// Instruction budget.
    pub(crate) budget: u64,
    /// Limit named by an error.
    pub(crate) budget_shown: u64,
}

/// Finished execution. Its stable memory is back with the host.
pub(crate) struct ExecutionResult {
    pub(crate) env: CanisterEnv,
    pub(crate) response: crate::system_api::Response,
    pub(crate) accepted: bool,
    pub(crate) printed: Vec<Vec<u8>>,
    pub(crate) instructions: u64,
    pub(crate) stable_pages_written: u64,
    pub(crate) result: Result<(), Fault>,
}

/// Module that replaces the installed one.
pub(crate) struct NewModule {
    pub(crate) module: Arc<Prepared>,
    pub(crate) instance: Instance,
}

impl EmbeddedIc {
    /// Runs a function on the instance of the committed state. Does not commit or roll back.
    pub(crate) fn execute(&mut self, env: CanisterEnv, call: &Call<'_>) -> Result<ExecutionResult, Fault> {
        let mut instance = self.take_instance()?;
        let execution = self.execute_on(&mut instance, env, call);
        self.instance = Some(instance);
        execution
    }

    /// Runs a function on a given instance. Does not commit or roll back.
    pub(crate) fn execute_on(
        &mut self,
        instance: &mut Instance,
        env: CanisterEnv,
        call: &Call<'_>,
    ) -> Result<ExecutionResult, Fault> {
        let mut stable = self
            .stable
            .take()
            .ok_or_else(|| Fault::Host(HostError::Poisoned("stable memory was lost in a panic".into())))?;
        stable.begin();
        let mut message = Message::new(call.kind, env, stable, Arc::clone(&self.limits), self.certifier());
        message.caller = call.sender;
        message.arg = Arc::clone(call.arg);
        message.method = call.method.to_owned();
        let Ended { message, instructions, result } =
            instance.run(call.export, message, call.budget, call.budget_shown);
        let stable_pages_written = message.stable.pages_written();
        self.stable = Some(message.stable);
        Ok(ExecutionResult {
            env: message.env,
            response: message.response,
            accepted: message.accepted,
            printed: message.printed,
            instructions,
            stable_pages_written,
            result,
        })
    }

    /// Returns the instance of the committed state: the cached one, unless the module needs a new one for each message.
    fn take_instance(&mut self) -> Result<Instance, Fault> {
        let module = self.module.as_ref().ok_or(Fault::NoModule)?;
        match self.instance.take() {
            Some(instance) if !module.shape.needs_fresh_instances => Ok(instance),
            _ => Instance::attached(module, &self.heap, self.committed.heap_pages, &self.committed.globals),
        }
    }

    /// Drops the changes of the last execution to heap, globals and stable memory. Returns the number of 4 KiB heap pages it
    /// wrote.
    pub(crate) fn rollback(&mut self) -> u64 {
        if let Some(stable) = &mut self.stable {
            let is_replaced = stable.is_replaced();
            stable.rollback();
            if let Some(folder) = self.folder.as_ref().filter(|_| is_replaced) {
                folder.forget_new_store();
            }
        }
        let Some(mut instance) = self.instance.take() else { return 0 };
        // Without the instance, the next message creates one of the committed state, which is a rollback as well.
        let Ok(dirty) = instance.dirty(&self.heap, &self.scratch()) else { return 0 };
        if self.restore(&mut instance, &dirty).is_ok() {
            self.instance = Some(instance);
        }
        pages_in(&dirty)
    }

    /// Returns the heap addresses whose content is neither committed nor rolled back: the module's scratch. A host in memory
    /// treats them like other addresses, so that it can count all pages that a message writes.
    fn scratch(&self) -> Range<u32> {
        match (&self.folder, &self.module) {
            (Some(_), Some(module)) => module.shape.scratch.clone(),
            _ => 0..0,
        }
    }

    fn restore(&self, instance: &mut Instance, dirty: &[Range<usize>]) -> Result<(), Fault> {
        if instance.heap_pages() != self.committed.heap_pages {
            // A wasm memory cannot shrink.
            return Err(Fault::Engine("the heap has grown".into()));
        }
        instance.map(&self.heap, dirty).map_err(Fault::Host)?;
        instance.set_globals(&self.committed.globals)
    }

    /// Commits log lines although everything else of the message is dropped.
    pub(crate) fn commit_log(&mut self, lines: &[Vec<u8>]) -> Result<(), HostError> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut next = self.committed.clone();
        push_lines(&mut next.log, next.env.time_ns, lines);
        self.write_journal(&next, &[], JournalScope::State)?;
        self.committed = next;
        Ok(())
    }

    /// Commits state that is neither heap nor stable memory.
    pub(crate) fn set_env(&mut self, env: CanisterEnv) -> Result<(), HostError> {
        self.changeable()?;
        let next = Committed { env, ..self.committed.clone() };
        self.write_journal(&next, &[], JournalScope::State)?;
        self.committed = next;
        Ok(())
    }

    /// Commits the changes of the last execution. Returns the number of 4 KiB heap pages it wrote.
    ///
    /// Order: pages of stable memory that had no content, which are not referenced yet, together with the journal; then the
    /// heap image and all other pages. If the process dies in between, the journal is replayed. If the journal cannot be
    /// written, nothing has happened, and the caller rolls back. If a later step fails, memory and disk differ, and the host
    /// refuses to continue.
    pub(crate) fn commit(&mut self, env: CanisterEnv, printed: &[Vec<u8>]) -> Result<u64, Fault> {
        let mut instance = self.instance.take().ok_or(Fault::NoModule)?;
        let committed = self.commit_instance(&mut instance, env, printed, None);
        self.instance = Some(instance);
        committed
    }

    /// Commits a new module, with the changes of its start and init functions.
    pub(crate) fn commit_module(
        &mut self,
        new: NewModule,
        env: CanisterEnv,
        printed: &[Vec<u8>],
    ) -> Result<u64, Fault> {
        let NewModule { module, mut instance } = new;
        let pages = self.commit_instance(&mut instance, env, printed, Some(&module))?;
        self.instance = Some(instance);
        self.module = Some(module);
        Ok(pages)
    }

    fn commit_instance(
        &mut self,
        instance: &mut Instance,
        env: CanisterEnv,
        printed: &[Vec<u8>],
        module: Option<&Arc<Prepared>>,
    ) -> Result<u64, Fault> {
        let stable_pages = self.stable().map_err(Fault::Host)?.pages();
        let mut next = Committed {
            env,
            log: self.committed.log.clone(),
            module: module.map_or(self.committed.module, |module| Some(module.hash)),
            globals: instance.global_values()?,
            heap_pages: instance.heap_pages(),
            stable_pages,
        };
        push_lines(&mut next.log, next.env.time_ns, printed);
        let dirty = match module {
            // Scratch written by a start function is kept: the range is scratch only for messages.
            Some(_) => instance.dirty(&self.heap, &(0..0)).map(|dirty| without_zeros(instance.heap(), dirty)),
            None => instance.dirty(&self.heap, &self.scratch()),
        };
        let dirty = dirty.map_err(Fault::Host)?;
        self.write_ahead(&dirty).map_err(Fault::Host)?;
        self.write_journal(&next, &dirty, JournalScope::All { instance, replaced: module.is_some() })
            .map_err(Fault::Host)?;
        let applied = self.apply(instance, &next, &dirty, module.is_some());
        if let Err(error) = applied.and_then(|()| self.checkpoint_if_due()) {
            self.poisoned = Some(error.to_string());
            return Err(Fault::Host(error));
        }
        Ok(pages_in(&dirty))
    }

    /// Commits only the overlay of stable memory.
    pub(crate) fn commit_stable(&mut self) -> Result<(), HostError> {
        let next = Committed { stable_pages: self.stable()?.pages(), ..self.committed.clone() };
        self.write_ahead(&[])?;
        self.write_journal(&next, &[], JournalScope::Stable)?;
        if let Some(stable) = &mut self.stable
            && let Err(error) = stable.commit()
        {
            self.poisoned = Some(error.to_string());
            return Err(HostError::io("write the committed stable memory")(error));
        }
        self.committed = next;
        self.checkpoint_if_due()
    }

    /// Does what can be done before the commit, so that the later steps have space: writes pages of stable memory that had no
    /// content, and allocates space for the heap's pages.
    fn write_ahead(&mut self, heap_dirty: &[Range<usize>]) -> Result<(), HostError> {
        match self.try_write_ahead(heap_dirty) {
            Err(error) if error.is_disk_full() && self.make_room() => self.try_write_ahead(heap_dirty),
            result => result,
        }
    }

    fn try_write_ahead(&mut self, heap_dirty: &[Range<usize>]) -> Result<(), HostError> {
        let (Some(folder), Some(stable)) = (&self.folder, &mut self.stable) else { return Ok(()) };
        folder.writable()?;
        let are_forced = folder.forces_messages();
        let needed = (stable.dirty().len() * PAGE) as u64 + pages_in(heap_dirty) * PAGE as u64;
        let is_replaced = stable.is_replaced();
        let written =
            self.heap.reserve(heap_dirty).and_then(|()| stable.write_ahead(are_forced && !is_replaced));
        // The file of a memory that replaces another contains more than what the message wrote.
        let written = written.and_then(|()| if is_replaced { stable.sync_replacement() } else { Ok(()) });
        written.map_err(|error| {
            if !disk::is_full(&error) {
                // Pages of earlier messages may have been lost with those of this one; the journal has them.
                self.poisoned = Some(error.to_string());
            }
            folder.explain(HostError::io("write stable memory")(error), needed)
        })
    }

    fn apply(
        &mut self,
        instance: &mut Instance,
        next: &Committed,
        dirty: &[Range<usize>],
        replaced: bool,
    ) -> Result<(), HostError> {
        let failed = |what: &str| HostError::io(format!("write the committed {what}"));
        if replaced {
            // No memory may be mapped to the image while it is cleared.
            self.instance = None;
            self.heap.clear().map_err(failed("heap"))?;
        }
        for range in dirty {
            self.heap.write(range.start as u64, &instance.heap()[range.clone()]).map_err(failed("heap"))?;
        }
        if replaced || next.heap_pages != self.committed.heap_pages {
            instance.map_all(&self.heap)?;
        } else {
            instance.map(&self.heap, dirty)?;
        }
        if let Some(stable) = &mut self.stable {
            stable.commit().map_err(failed("stable memory"))?;
        }
        self.committed = next.clone();
        Ok(())
    }

    fn write_journal(
        &mut self,
        next: &Committed,
        dirty: &[Range<usize>],
        scope: JournalScope<'_>,
    ) -> Result<(), HostError> {
        match self.try_write_journal(next, dirty, scope) {
            Err(error) if error.is_disk_full() && self.make_room() => {
                self.try_write_journal(next, dirty, scope)
            }
            result => result,
        }
    }

    fn try_write_journal(
        &mut self,
        next: &Committed,
        dirty: &[Range<usize>],
        scope: JournalScope<'_>,
    ) -> Result<(), HostError> {
        let Some(folder) = &mut self.folder else { return Ok(()) };
        let (heap, heap_replaced) = match scope {
            JournalScope::All { instance, replaced } => (instance.heap(), replaced),
            JournalScope::State | JournalScope::Stable => (&[][..], false),
        };
        let stable = match scope {
            JournalScope::State => None,
            JournalScope::All { .. } | JournalScope::Stable => self.stable.as_ref(),
        };
        let generation = folder.generation_after(stable.is_some_and(StableMemory::is_replaced));
        let appended =
            folder.append(&Change { next, heap, heap_dirty: dirty, heap_replaced, stable, generation });
        if let Err(error) = &appended
            && !error.is_disk_full()
            && folder.forces_messages()
            && stable.is_some_and(StableMemory::is_to_be_forced)
        {
            // Pages of earlier messages may have been lost with those of this one; the journal has them.
            self.poisoned = Some(error.to_string());
        }
        appended
    }

    /// Frees the journal's space if the disk is full. Returns whether there was any. The current commit is not part of this
    /// checkpoint. A stable memory that replaces another is at the location where the checkpoint would look for the old one,
    /// so there is no checkpoint then.
    fn make_room(&mut self) -> bool {
        let is_replaced = self.stable.as_ref().is_none_or(StableMemory::is_replaced);
        let has_journal = self.folder.as_ref().is_some_and(Folder::has_journal);
        !is_replaced && has_journal && self.try_checkpoint().is_ok()
    }

    fn checkpoint_if_due(&mut self) -> Result<(), HostError> {
        if self.folder.as_ref().is_some_and(Folder::checkpoint_is_due) {
            return self.checkpoint();
        }
        Ok(())
    }

    /// Forces everything to the disk and empties the journal. If the disk is full, the journal continues instead.
    pub(crate) fn checkpoint(&mut self) -> Result<(), HostError> {
        match self.try_checkpoint() {
            Err(error) if error.is_disk_full() => Ok(()),
            result => result,
        }
    }

    pub(crate) fn try_checkpoint(&mut self) -> Result<(), HostError> {
        let (Some(folder), Some(stable)) = (&mut self.folder, &mut self.stable) else { return Ok(()) };
        if folder.writable().is_err() {
            return Ok(());
        }
        if self.heap.is_copy() {
            return Err(disk_full(folder.path(), self.heap.sums().len() as u64 * PAGE as u64));
        }
        self.heap.sync().map_err(HostError::io("force the heap to the disk"))?;
        stable.sync().map_err(HostError::io("force stable memory to the disk"))?;
        folder.checkpoint(&self.committed, &self.heap, stable.store())
    }
}

/// Parts of the state in a journal record.
#[derive(Clone, Copy)]
enum JournalScope<'a> {
    /// Neither heap nor stable memory.
    State,
    /// Stable memory.
    Stable,
    /// Heap and stable memory.
    All { instance: &'a Instance, replaced: bool },
}

/// Returns the number of 4 KiB pages in the ranges.
fn pages_in(ranges: &[Range<usize>]) -> u64 {
    ranges.iter().map(|range| (range.len() / PAGE) as u64).sum()
}

fn push_lines(log: &mut Log, time_ns: u64, lines: &[Vec<u8>]) {
    for line in lines {
        log.push(time_ns, line);
    }
}

/// Removes pages of zeros, which an empty image contains anyway.
fn without_zeros(heap: &[u8], ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut kept: Vec<Range<usize>> = Vec::new();
    let page = rustix::param::page_size();
    for start in ranges.into_iter().flat_map(|range| range.step_by(page)) {
        let next = start..start + page;
        if heap[next.clone()].iter().all(|&byte| byte == 0) {
            continue;
        }
        match kept.last_mut() {
            Some(last) if last.end == start => last.end = next.end,
            _ => kept.push(next),
        }
    }
    kept
}
