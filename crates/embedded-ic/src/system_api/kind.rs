//! Kinds of execution, and the functions allowed in each.

use crate::fault::Fault;
use crate::limits::PerMessage;

/// Kind of execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The start function of the module.
    Start,
    /// `canister_init` and `canister_post_upgrade`.
    Init,
    /// `canister_pre_upgrade`.
    PreUpgrade,
    /// An update method.
    Update,
    /// A query method that is called as an update.
    ReplicatedQuery,
    /// A query method.
    Query,
    /// A composite query method.
    CompositeQuery,
    /// `canister_inspect_message`.
    Inspect,
}

use Kind::{CompositeQuery, Init, Inspect, PreUpgrade, Query, ReplicatedQuery, Start, Update};

/// Kinds in which a function is allowed, one set for each rule of the interface specification.
pub(super) struct Rule(&'static [Kind]);

pub(super) const ALL_BUT_START: Rule =
    Rule(&[Init, PreUpgrade, Update, ReplicatedQuery, Query, CompositeQuery, Inspect]);
pub(super) const HAS_ARGUMENT: Rule = Rule(&[Init, Update, ReplicatedQuery, Query, CompositeQuery, Inspect]);
pub(super) const HAS_REPLY: Rule = Rule(&[Update, ReplicatedQuery, Query, CompositeQuery]);
pub(super) const HAS_CYCLES: Rule = Rule(&[Update, ReplicatedQuery]);
pub(super) const BURNS_CYCLES: Rule = Rule(&[Init, PreUpgrade, Update, ReplicatedQuery]);
pub(super) const CHANGES_STATE: Rule = Rule(&[Init, PreUpgrade, Update]);
pub(super) const REPLICATED: Rule = Rule(&[Init, PreUpgrade, Update, ReplicatedQuery]);
pub(super) const NON_REPLICATED_QUERY: Rule = Rule(&[Query, CompositeQuery]);
pub(super) const INSPECTS: Rule = Rule(&[Inspect]);
pub(super) const MAKES_CALLS: Rule = Rule(&[Update, CompositeQuery]);
/// Only callbacks, which this host does not run.
pub(super) const NOWHERE: Rule = Rule(&[]);

impl Kind {
    /// Returns the name in error texts.
    fn name(self) -> &'static str {
        match self {
            Start => "start",
            Init => "init",
            PreUpgrade => "pre upgrade",
            Update => "update",
            ReplicatedQuery => "replicated query",
            Query => "non replicated query",
            CompositeQuery => "composite query",
            Inspect => "inspect message",
        }
    }

    /// Returns an error if the rule does not allow a function, named without `ic0_`.
    pub(super) fn allows(self, function: &str, rule: Rule) -> Result<(), Fault> {
        if rule.0.contains(&self) {
            return Ok(());
        }
        Err(Fault::Contract(format!("\"ic0_{function}\" cannot be executed in {} mode", self.name())))
    }

    /// Returns whether all replicas run it, so that it may change replicated state.
    pub(crate) fn is_replicated(self) -> bool {
        !matches!(self, Query | CompositeQuery | Inspect)
    }

    /// Returns whether the heap limit of the canister's settings applies.
    pub(crate) fn has_heap_limit(self) -> bool {
        matches!(self, Start | Init | Update)
    }

    /// Returns the limit for messages of this kind.
    pub(crate) fn limit(self, limits: PerMessage) -> u64 {
        match self {
            Start | Init | PreUpgrade => limits.install,
            Update | ReplicatedQuery => limits.update,
            Query | CompositeQuery => limits.query,
            Inspect => limits.inspect,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_function_and_the_mode() {
        assert!(Update.allows("msg_reply", HAS_REPLY).is_ok());
        let fault = Inspect.allows("msg_reply", HAS_REPLY).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "Canister violated contract: \"ic0_msg_reply\" cannot be executed in inspect message mode"
        );
        let fault = Query.allows("call_new", MAKES_CALLS).unwrap_err();
        assert!(fault.to_string().ends_with("in non replicated query mode"));
    }
}
