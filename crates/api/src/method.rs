//! The methods of the contract, and the role that each of them needs.

use crate::Role;

/// Whether a method may change the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodKind {
    /// It leaves the state as it is.
    Query,
    /// It may change the state.
    Update,
}

/// A method of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// Whether it may change the state.
    pub kind: MethodKind,
    /// The least role that may call it; nothing where everyone may.
    pub role: Option<Role>,
}

impl Method {
    const fn query(name: &'static str, role: Role) -> Self {
        Self { name, kind: MethodKind::Query, role: Some(role) }
    }

    const fn update(name: &'static str, role: Role) -> Self {
        Self { name, kind: MethodKind::Update, role: Some(role) }
    }

    const fn open_query(name: &'static str) -> Self {
        Self { name, kind: MethodKind::Query, role: None }
    }

    /// The place of a method in [`METHODS`]. In a `const` block, a name that is not there is an error of the compiler.
    ///
    /// # Panics
    ///
    /// Where there is no such method.
    #[must_use]
    pub const fn position(name: &str) -> usize {
        match Self::find(name) {
            Some(at) => at,
            None => panic!("there is no such method"),
        }
    }

    /// The method with this name.
    #[must_use]
    pub const fn named(name: &str) -> Option<&'static Self> {
        match Self::find(name) {
            Some(at) => Some(&METHODS[at]),
            None => None,
        }
    }

    /// The place in [`METHODS`] of the method with this name, where there is one.
    #[must_use]
    pub const fn find(name: &str) -> Option<usize> {
        let mut at = 0;
        while at < METHODS.len() {
            if is_same(METHODS[at].name.as_bytes(), name.as_bytes()) {
                return Some(at);
            }
            at += 1;
        }
        None
    }
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    one.len() == other.len()
}

/// All methods. The canister asks this table and nothing else who may call what.
///
/// A method that is added goes to the end, because a store counts its operations by the places in this table.
pub static METHODS: [Method; 40] = {
    use Role::{Admin, Reader, Writer};
    [
        Method::update("put", Writer),
        Method::update("put_many", Writer),
        Method::query("get", Reader),
        Method::query("get_many", Reader),
        Method::query("stat", Reader),
        Method::query("read", Reader),
        Method::query("list", Reader),
        Method::query("scan", Reader),
        Method::update("delete", Writer),
        Method::update("delete_prefix", Writer),
        Method::update("take_first", Writer),
        Method::update("rename", Writer),
        Method::update("create_upload", Writer),
        Method::update("write_chunk", Writer),
        Method::query("upload_status", Writer),
        Method::query("list_uploads", Writer),
        Method::update("commit_upload", Writer),
        Method::update("abort_upload", Writer),
        Method::update("verify", Writer),
        Method::update("log", Writer),
        Method::query("readLast", Reader),
        Method::update("append", Writer),
        Method::query("read_log", Reader),
        Method::query("log_info", Reader),
        Method::update("region_new", Writer),
        Method::query("region_list", Reader),
        Method::query("region_info", Reader),
        Method::update("region_grow", Writer),
        Method::query("region_load_blob", Reader),
        Method::update("region_store_blob", Writer),
        Method::query("region_load", Reader),
        Method::update("region_store", Writer),
        Method::update("region_set_owner", Writer),
        Method::query("stable_var_query", Reader),
        Method::query("status", Reader),
        Method::update("configure", Admin),
        Method::query("get_config", Reader),
        Method::update("set_role", Admin),
        Method::query("list_roles", Admin),
        Method::open_query("http_request"),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_found_by_its_name_and_no_other() {
        for (at, method) in METHODS.iter().enumerate() {
            assert_eq!(Method::position(method.name), at);
            assert_eq!(Method::named(method.name), Some(method));
        }
        for name in ["", "pu", "putt", "readlast"] {
            assert_eq!(Method::named(name), None);
        }
    }

    #[test]
    fn what_changes_the_state_needs_more_than_a_reader() {
        for method in METHODS.iter().filter(|method| method.kind == MethodKind::Update) {
            assert!(method.role >= Some(Role::Writer), "{}", method.name);
        }
    }
}
