//! Which calls may be made twice.
//!
//! A call that brought no reply may have been carried out. It is made again only where that is the same as making it
//! once: the caller gets the same outcome, and nothing else changes, whatever others have done in between.

use crate::call::Kind;

/// Whether a method may be called again after it may have been carried out.
pub(crate) fn may_repeat(kind: Kind, method: &str) -> bool {
    match kind {
        Kind::Query | Kind::ReplicatedQuery => true,
        Kind::Update => REPEATABLE.iter().any(|(name, _)| *name == method),
    }
}

/// The updates that may be made twice, with the reason. Any other is made once:
///
/// - `put`, `put_with`, `put_many`, `rename`: the second would undo what another writer did after the first, or fail on its own
///   condition.
/// - `delete`, `delete_many`, `delete_prefix`, `take_first`: the second would remove something else, or answer that there was nothing.
/// - `log`, `append`: the entries would be there twice; and so with `region_new` and `region_grow`.
/// - `region_store`, `region_store_blob`, `region_set_owner`, `configure`, `set_role`: the second would undo what somebody
///   else did after the first.
/// - `create_upload`: there would be two uploads, and room for both would be reserved.
/// - `commit_upload`, `abort_upload`: the second answers that there is no such upload. [`upload`](crate::Client::upload)
///   knows what to make of that and commits again.
/// - Whatever is not known here.
const REPEATABLE: [(&str, &str); 2] = [
    ("write_chunk", "the same chunk may come again, and is compared with what is there"),
    (
        "verify",
        "hashes the next step, and its callers go on until there is a verdict, which is that of the bytes",
    ),
];

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const CONTRACT: &str = include_str!("../../../storage.did");

    /// The updates of the contract: methods of the service that are not queries.
    pub(crate) fn updates() -> Vec<&'static str> {
        let (_, service) = CONTRACT.split_once("service :").expect("the contract has a service");
        let methods = service.lines().filter(|line| line.starts_with("  ") && !line.trim().starts_with("//"));
        let updates = methods.filter(|line| !line.trim_end().ends_with("query;"));
        updates.filter_map(|line| Some(line.trim().split_once(" :")?.0)).collect()
    }

    #[test]
    fn what_may_be_repeated_are_updates_of_the_contract() {
        let updates = updates();
        assert!(updates.contains(&"put") && !updates.contains(&"get"), "{updates:?}");
        for (method, reason) in REPEATABLE {
            assert!(updates.contains(&method) && !reason.is_empty(), "{method}");
        }
    }

    #[test]
    fn everything_else_is_called_once() {
        for method in updates() {
            let expected = matches!(method, "write_chunk" | "verify");
            assert_eq!(may_repeat(Kind::Update, method), expected, "{method}");
        }
        assert!(!may_repeat(Kind::Update, "a method of later"));
        assert!(may_repeat(Kind::Query, "get"));
    }
}
