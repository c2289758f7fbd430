//! Execution of a message, and its rollback. [`commit`](crate::commit) commits it.

use std::ops::Range;
use std::sync::Arc;

use candid::Principal;

use crate::error::HostError;
use crate::fault::Fault;
use crate::heap::pages_in;
use crate::host::EmbeddedIc;
use crate::instance::{Ended, Instance};
use crate::module::Prepared;
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
        message.query_print = self.query_print;
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
            _ => Instance::attached(
                module,
                self.heap.view(),
                self.committed.heap_pages,
                &self.committed.globals,
            ),
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
        let Ok(dirty) = instance.dirty(self.heap.view(), &self.scratch(self.module.as_deref())) else {
            return 0;
        };
        if self.restore(&mut instance, &dirty).is_ok() {
            self.instance = Some(instance);
        }
        pages_in(&dirty)
    }

    /// Returns the heap addresses whose content is neither committed nor rolled back: a module's scratch. A host in memory
    /// treats them like other addresses, so that it can count all pages that a message writes.
    pub(crate) fn scratch(&self, module: Option<&Prepared>) -> Range<u32> {
        match (&self.folder, module) {
            (Some(_), Some(module)) => module.shape.scratch.clone(),
            _ => 0..0,
        }
    }

    fn restore(&self, instance: &mut Instance, dirty: &[Range<usize>]) -> Result<(), Fault> {
        if instance.heap_pages() != self.committed.heap_pages {
            // A wasm memory cannot shrink.
            return Err(Fault::Engine("the heap has grown".into()));
        }
        instance.map(self.heap.view(), dirty).map_err(Fault::Host)?;
        instance.set_globals(&self.committed.globals)
    }
}
