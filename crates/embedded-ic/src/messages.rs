//! Updates and queries.

use std::borrow::Cow;
use std::sync::Arc;

use candid::Principal;

use crate::error::{CallError, Reject, RejectCode};
use crate::execute::{Call, ExecutionResult};
use crate::fault::Fault;
use crate::host::EmbeddedIc;
use crate::limits::Limits;
use crate::module::Prepared;
use crate::module::{COMPOSITE_QUERY, QUERY, UPDATE};
use crate::outcome::Reply;
use crate::system_api::Kind;

const INSPECT: &str = "canister_inspect_message";

impl EmbeddedIc {
    /// Sends an update as a user does: `canister_inspect_message` first, if there is one, then the method. A query
    /// method can be called, too; what it writes is dropped. An argument that is given as a `Vec` is not copied.
    ///
    /// # Errors
    /// `Rejected` if the canister refuses, traps, exceeds a limit or has no such method; everything but the log is
    /// then as before. `Host` if the host fails.
    pub fn update<'a>(
        &mut self,
        sender: Principal,
        method: &str,
        arg: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Reply, CallError> {
        let arg = owned(arg);
        self.check_update(sender, method, &arg)?;
        self.execute_update(sender, method, &arg)
    }

    /// Asks whether an update of a user would be executed, and does not execute it: what a node does before it passes a
    /// message on. [`update`](Self::update) is this and [`update_from_canister`](Self::update_from_canister).
    ///
    /// # Errors
    /// `Rejected` if `canister_inspect_message` does not accept it, if it is too long, or if there is no canister to execute
    /// it; `Host` if the host fails.
    pub fn accept(&mut self, sender: Principal, method: &str, arg: &[u8]) -> Result<(), CallError> {
        self.check_update(sender, method, &owned(arg))
    }

    fn check_update(&mut self, sender: Principal, method: &str, arg: &Arc<Vec<u8>>) -> Result<(), CallError> {
        self.changeable()?;
        check_ingress(&self.limits, arg)?;
        self.answers()?;
        self.inspect(sender, method, arg)
    }

    /// Sends an update as another canister: without `canister_inspect_message`, and with the longer arguments that canisters
    /// may send.
    ///
    /// # Errors
    /// The errors of [`update`](Self::update).
    pub fn update_from_canister<'a>(
        &mut self,
        sender: Principal,
        method: &str,
        arg: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Reply, CallError> {
        let arg = owned(arg);
        self.changeable()?;
        self.answers()?;
        self.execute_update(sender, method, &arg)
    }

    fn execute_update(
        &mut self,
        sender: Principal,
        method: &str,
        arg: &Arc<Vec<u8>>,
    ) -> Result<Reply, CallError> {
        let (kind, export) = self.update_export(method).map_err(|fault| self.failed(fault, 0))?;
        let execution = self.call(kind, &export, sender, method, arg)?;
        self.answer(kind, execution)
    }

    /// Calls a query method on the committed state. It has no effect, not even on the log.
    ///
    /// # Errors
    /// `Rejected` if the canister rejects, traps, exceeds a limit or has no such method; `Host` if the host fails.
    pub fn query<'a>(
        &mut self,
        sender: Principal,
        method: &str,
        arg: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Reply, CallError> {
        let arg = owned(arg);
        self.usable()?;
        check_ingress(&self.limits, &arg)?;
        self.answers()?;
        let (kind, export) = self.query_export(method).map_err(|fault| self.failed(fault, 0))?;
        let execution = self.call(kind, &export, sender, method, &arg)?;
        self.answer(kind, execution)
    }

    /// Runs `canister_inspect_message`, if it exists, and drops its effects.
    fn inspect(&mut self, sender: Principal, method: &str, arg: &Arc<Vec<u8>>) -> Result<(), CallError> {
        if !self.module.as_ref().is_some_and(|module| module.exports(INSPECT)) {
            return Ok(());
        }
        let execution = self.call(Kind::Inspect, INSPECT, sender, method, arg)?;
        self.rollback();
        match execution.result {
            Ok(()) if execution.accepted => Ok(()),
            Ok(()) => Err(self.failed(Fault::NotAccepted, execution.instructions)),
            Err(fault) => Err(self.failed(fault, execution.instructions)),
        }
    }

    fn call(
        &mut self,
        kind: Kind,
        export: &str,
        sender: Principal,
        method: &str,
        arg: &Arc<Vec<u8>>,
    ) -> Result<ExecutionResult, CallError> {
        let budget = kind.limit(self.limits.instructions);
        let call = Call { kind, export, sender, method, arg, budget, budget_shown: budget };
        self.execute(self.committed.env.clone(), &call).map_err(|fault| self.failed(fault, 0))
    }

    /// Commits or rolls back, and returns the reply.
    fn answer(&mut self, kind: Kind, execution: ExecutionResult) -> Result<Reply, CallError> {
        let ExecutionResult {
            mut env,
            response,
            mut printed,
            instructions,
            stable_pages_written,
            result,
            ..
        } = execution;
        if let Err(fault) = result {
            self.rollback();
            if fault.is_logged() && kind.is_replicated() {
                printed.push(fault.log_line());
                self.commit_log(&printed)?;
            }
            return Err(self.failed(fault, instructions));
        }
        env.version += 1;
        let heap_pages_written = match kind {
            Kind::Update => match self.commit(env, &printed) {
                Ok(pages) => pages,
                Err(fault) => {
                    self.rollback();
                    return Err(self.failed(fault, instructions));
                }
            },
            _ => {
                let pages = self.rollback();
                if kind.is_replicated() {
                    self.commit_log(&printed)?;
                }
                pages
            }
        };
        let bytes = response.reply().map_err(|fault| self.failed(fault, instructions))?;
        Ok(Reply { bytes, instructions, stable_pages_written, heap_pages_written })
    }

    fn update_export(&self, method: &str) -> Result<(Kind, String), Fault> {
        self.export(method, &[(UPDATE, Kind::Update), (QUERY, Kind::ReplicatedQuery)]).map_err(|fault| {
            match self.export(method, &[(COMPOSITE_QUERY, Kind::CompositeQuery)]) {
                Ok(_) => Fault::CompositeInReplicatedMode,
                Err(_) => fault,
            }
        })
    }

    fn query_export(&self, method: &str) -> Result<(Kind, String), Fault> {
        self.export(method, &QUERY_KINDS)
    }

    fn export(&self, method: &str, kinds: &[(&str, Kind)]) -> Result<(Kind, String), Fault> {
        export(self.module.as_ref().ok_or(Fault::NoModule)?, method, kinds)
    }

    /// Returns an error for a canister without a module, or one that is stopped.
    fn answers(&self) -> Result<(), CallError> {
        if self.module.is_none() {
            return Err(self.failed(Fault::NoModule, 0));
        }
        if !self.committed.env.running {
            return Err(self.failed(Fault::NotRunning(self.canister_id()), 0));
        }
        Ok(())
    }
}

/// Kinds of a query, with the prefixes of their exports.
pub(crate) const QUERY_KINDS: [(&str, Kind); 2] =
    [(QUERY, Kind::Query), (COMPOSITE_QUERY, Kind::CompositeQuery)];

/// Returns the first kind for which the module exports a method, and the name of the export.
pub(crate) fn export(
    module: &Prepared,
    method: &str,
    kinds: &[(&str, Kind)],
) -> Result<(Kind, String), Fault> {
    kinds
        .iter()
        .map(|&(prefix, kind)| (kind, format!("{prefix}{method}")))
        .find(|(_, export)| module.exports(export))
        .ok_or_else(|| Fault::MethodNotFound {
            kind: if kinds[0].1 == Kind::Update { "update" } else { "query" },
            name: method.to_owned(),
        })
}

/// Returns an error for an argument that is too long, as the receiving node does, without calling the canister.
pub(crate) fn check_ingress(limits: &Limits, arg: &[u8]) -> Result<(), CallError> {
    let (size, limit) = (arg.len() as u64, limits.ingress_bytes);
    if size <= limit {
        return Ok(());
    }
    Err(CallError::Rejected(Reject {
        code: RejectCode::SysFatal,
        error_code: "HTTP413",
        message: format!("Message byte size {size} is larger than the max allowed {limit}."),
        instructions: 0,
    }))
}

/// Returns the argument as the canister's message holds it.
pub(crate) fn owned<'a>(arg: impl Into<Cow<'a, [u8]>>) -> Arc<Vec<u8>> {
    Arc::new(arg.into().into_owned())
}
