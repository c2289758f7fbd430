//! Commits: the order in which a message's changes reach the journal, the heap, stable memory and the queries.

use std::ops::Range;
use std::sync::Arc;

use crate::committed::Committed;
use crate::disk;
use crate::error::HostError;
use crate::execute::NewModule;
use crate::fault::Fault;
use crate::folder::{Change, Folder};
use crate::heap::pages_in;
use crate::host::EmbeddedIc;
use crate::instance::Instance;
use crate::log::Log;
use crate::module::Prepared;
use crate::queries::{Commit, Published};
use crate::space::disk_full;
use crate::stable::{PAGE, StableMemory};
use crate::system_api::CanisterEnv;

impl EmbeddedIc {
    /// Commits log lines although everything else of the message is dropped.
    pub(crate) fn commit_log(&mut self, lines: &[Vec<u8>]) -> Result<(), HostError> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut next = self.committed.clone();
        push_lines(&mut next.log, next.env.time_ns, lines);
        self.write_journal(&next, &[], JournalScope::State)?;
        self.committed = next;
        self.publish();
        Ok(())
    }

    /// Commits state that is neither heap nor stable memory.
    pub(crate) fn set_env(&mut self, env: CanisterEnv) -> Result<(), HostError> {
        self.changeable()?;
        let next = Committed { env, ..self.committed.clone() };
        self.write_journal(&next, &[], JournalScope::State)?;
        self.committed = next;
        self.publish();
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
            Some(_) => {
                instance.dirty(self.heap.view(), &(0..0)).map(|dirty| without_zeros(instance.heap(), dirty))
            }
            None => instance.dirty(self.heap.view(), &self.scratch(self.module.as_deref())),
        };
        let dirty = dirty.map_err(Fault::Host)?;
        self.write_ahead(&dirty).map_err(Fault::Host)?;
        self.write_journal(&next, &dirty, JournalScope::All { instance, replaced: module.is_some() })
            .map_err(Fault::Host)?;
        let applied = self.apply(instance, &next, &dirty, module);
        if let Err(error) = applied.and_then(|()| self.checkpoint_if_due()) {
            self.poison(&error);
            return Err(Fault::Host(error));
        }
        Ok(pages_in(&dirty))
    }

    /// Commits only the overlay of stable memory.
    pub(crate) fn commit_stable(&mut self) -> Result<(), HostError> {
        let next = Committed { stable_pages: self.stable()?.pages(), ..self.committed.clone() };
        self.write_ahead(&[])?;
        self.write_journal(&next, &[], JournalScope::Stable)?;
        self.apply_stable(next).inspect_err(|error| self.poison(error))?;
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
                self.gate.0.fail(&error.to_string());
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
        module: Option<&Arc<Prepared>>,
    ) -> Result<(), HostError> {
        let failed = |what: &str| HostError::io(format!("write the committed {what}"));
        let gate = Arc::clone(&self.gate.0);
        let mut commit = gate.commit();
        if module.is_some() {
            // No memory may be mapped to the image while it is cleared.
            commit.retire_instances();
            self.instance = None;
            self.heap.clear().map_err(failed("heap"))?;
        } else {
            commit.keep_heap(dirty);
        }
        for range in dirty {
            self.heap.write(range.start as u64, &instance.heap()[range.clone()]).map_err(failed("heap"))?;
        }
        if module.is_some() || next.heap_pages != self.committed.heap_pages {
            instance.map_all(self.heap.view())?;
        } else {
            instance.map(self.heap.view(), dirty)?;
        }
        self.finish(commit, next.clone(), module)
    }

    fn apply_stable(&mut self, next: Committed) -> Result<(), HostError> {
        let gate = Arc::clone(&self.gate.0);
        self.finish(gate.commit(), next, None)
    }

    /// Ends a commit: writes the pages of stable memory and publishes the state.
    fn finish(
        &mut self,
        commit: Commit<'_>,
        next: Committed,
        module: Option<&Arc<Prepared>>,
    ) -> Result<(), HostError> {
        if let Some(stable) = &mut self.stable {
            let snapshots = commit.snapshots(stable.dirty().len());
            stable.commit(&snapshots).map_err(HostError::io("write the committed stable memory"))?;
        }
        self.committed = next;
        let module = module.or(self.module.as_ref());
        let published = Published {
            module,
            heap: self.heap.view(),
            stable: self.stable()?.versions(),
            scratch: self.scratch(module.map(|module| &**module)),
        };
        commit.publish(&self.committed, published);
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
            self.gate.0.fail(&error.to_string());
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
        folder.checkpoint(&self.committed, &self.heap, &*stable.store())
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
