//! Queries that run beside the host, on other threads.

mod gate;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::num::NonZero;
use std::sync::Arc;

use candid::Principal;

pub(crate) use gate::{Commit, Gate, Owner, Published};
use gate::{Running, View};

use crate::error::CallError;
use crate::fault::Fault;
use crate::host::EmbeddedIc;
use crate::instance::Ended;
use crate::limits::Limits;
use crate::messages::{QUERY_KINDS, check_ingress, export, owned};
use crate::outcome::Reply;
use crate::signer::{Certifier, Keyring};
use crate::stable::StableMemory;
use crate::system_api::Message;

/// Least number of queries that can run at the same time, so that a few long ones do not block all others.
const LEAST_CONCURRENT: usize = 4;

/// Runs queries on the last committed state, on any number of threads, beside the host and its updates.
///
/// A query sees all updates that were answered before it was called, and no part of any that is committed later. What it
/// writes is dropped. Clones share their instances: one for each processor, and at least four; further queries wait.
/// Commits do not wait for queries, except for the commit of a new module, and if more than 64 MiB of stable memory changed
/// since a query that is still running has started.
///
/// Queries need a thread with 2 MiB of stack, as messages of the host do.
#[derive(Clone)]
pub struct Queries {
    gate: Arc<Gate>,
    limits: Arc<Limits>,
    keyring: Arc<Keyring>,
    query_print: Option<fn(&[u8])>,
}

impl std::fmt::Debug for Queries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queries").field("running", &self.running()).finish_non_exhaustive()
    }
}

/// Returns the number of queries that a host runs at the same time.
pub(crate) fn max_concurrent() -> usize {
    std::thread::available_parallelism().map_or(LEAST_CONCURRENT, NonZero::get).max(LEAST_CONCURRENT)
}

impl EmbeddedIc {
    /// Returns what runs queries on other threads while this host executes messages. Dropping the host waits for the queries
    /// that are running, and later ones get the error `Closed`.
    #[must_use]
    pub fn queries(&self) -> Queries {
        Queries {
            gate: Arc::clone(&self.gate.0),
            limits: Arc::clone(&self.limits),
            keyring: Arc::clone(&self.keyring),
            query_print: self.query_print,
        }
    }
}

impl Queries {
    /// Returns the number of queries that can run at the same time.
    #[must_use]
    pub fn max_concurrent(&self) -> usize {
        self.gate.max_slots()
    }

    /// Returns the number of queries that are running.
    #[must_use]
    pub fn running(&self) -> usize {
        self.gate.running()
    }

    /// Calls a query method, as [`EmbeddedIc::query`] does. Blocks the thread until the query has ended.
    ///
    /// `heap_pages_written` of the reply also counts pages that updates have changed in the meantime.
    ///
    /// # Errors
    /// Those of [`EmbeddedIc::query`]; `Host` with `Closed` if the host no longer exists.
    pub fn query<'a>(
        &self,
        sender: Principal,
        method: &str,
        arg: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Reply, CallError> {
        self.query_at(0, sender, method, arg)
    }

    /// Like [`Self::query`]. The canister sees the given time, in nanoseconds since 1970, if it is later than that of the host.
    ///
    /// # Errors
    /// Those of [`Self::query`].
    pub fn query_at<'a>(
        &self,
        time_ns: u64,
        sender: Principal,
        method: &str,
        arg: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Reply, CallError> {
        let arg = owned(arg);
        check_ingress(&self.limits, &arg)?;
        let slot = self.gate.slot();
        let view = self.gate.open()?;
        let canister = view.env.canister_id;
        let failed = |fault: Fault, instructions| fault.into_call_error(canister, instructions);
        let (mut message, export) = self.message(&view, method).map_err(|fault| failed(fault, 0))?;
        (message.caller, message.arg, message.query_print) = (sender, arg, self.query_print);
        message.env.time_ns = message.env.time_ns.max(time_ns);
        let module = view.module.as_ref().expect("a message has a module");
        let mut running = slot.start(&view, module).map_err(|fault| failed(fault, 0))?;
        drop(view);
        let budget = message.kind.limit(self.limits.instructions);
        let Running { instance, .. } = &mut running;
        let Ended { message, instructions, result } = instance.run(&export, message, budget, budget);
        let heap_pages_written = running.finish()?;
        result.map_err(|fault| failed(fault, instructions))?;
        let stable_pages_written = message.stable.pages_written();
        let bytes = message.response.reply().map_err(|fault| failed(fault, instructions))?;
        Ok(Reply { bytes, instructions, stable_pages_written, heap_pages_written })
    }

    /// Returns a message of a state, and the export that executes it.
    fn message(&self, view: &View, method: &str) -> Result<(Message, String), Fault> {
        let module = view.module.as_ref().ok_or(Fault::NoModule)?;
        if !view.env.running {
            return Err(Fault::NotRunning(view.env.canister_id));
        }
        let (kind, export) = export(module, method, &QUERY_KINDS)?;
        let stable = StableMemory::of_query(Arc::clone(&view.stable), view.snapshot, view.stable_pages);
        let certifier = Certifier { keyring: Arc::clone(&self.keyring), module: Some(Arc::clone(module)) };
        Ok((Message::new(kind, view.env.clone(), stable, Arc::clone(&self.limits), certifier), export))
    }
}
