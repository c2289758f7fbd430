//! The methods of the contract, and the role that each of them needs.

use crate::Role;
use crate::limits::{MAX_BATCH_ITEMS, MAX_KEY_BYTES, MAX_PAYLOAD_BYTES, PAGE_BYTES};

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
    /// The most bytes of an argument that a person may send in an update. `inspect_message` drops longer ones, because a
    /// canister pays for each byte of a message that it takes.
    pub max_argument_bytes: u64,
}

/// A key or a few, a prefix, numbers, and what describes an object. Candid's types take some hundred bytes besides.
const SMALL_ARGUMENT: u64 = 16 << 10;

/// [`MAX_BATCH_ITEMS`] keys of [`MAX_KEY_BYTES`], or as many positions in a region.
const BATCH_ARGUMENT: u64 = MAX_BATCH_ITEMS * (MAX_KEY_BYTES + 16) + SMALL_ARGUMENT;

/// [`MAX_PAYLOAD_BYTES`], and as much for everything else as the platform lets through.
const PAYLOAD_ARGUMENT: u64 = MAX_PAYLOAD_BYTES + PAGE_BYTES;

impl Method {
    const fn query(name: &'static str, role: Role) -> Self {
        Self { name, kind: MethodKind::Query, role: Some(role), max_argument_bytes: SMALL_ARGUMENT }
    }

    const fn update(name: &'static str, role: Role) -> Self {
        Self { kind: MethodKind::Update, ..Self::query(name, role) }
    }

    const fn open_query(name: &'static str) -> Self {
        Self { role: None, ..Self::query(name, Role::Reader) }
    }

    /// The same method, with arguments of up to so many bytes.
    const fn takes(self, max_argument_bytes: u64) -> Self {
        Self { max_argument_bytes, ..self }
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
pub static METHODS: [Method; 43] = {
    use Role::{Admin, Reader, Writer};
    [
        Method::update("put", Writer).takes(PAYLOAD_ARGUMENT),
        Method::update("put_many", Writer).takes(PAYLOAD_ARGUMENT),
        Method::query("get", Reader),
        Method::query("get_many", Reader).takes(BATCH_ARGUMENT),
        Method::query("stat", Reader),
        Method::query("read", Reader),
        Method::query("list", Reader),
        Method::query("scan", Reader),
        Method::update("delete", Writer),
        Method::update("delete_prefix", Writer),
        Method::update("take_first", Writer),
        Method::update("rename", Writer),
        Method::update("create_upload", Writer),
        Method::update("write_chunk", Writer).takes(PAYLOAD_ARGUMENT),
        Method::query("upload_status", Writer),
        Method::query("list_uploads", Writer),
        Method::update("commit_upload", Writer),
        Method::update("abort_upload", Writer),
        Method::update("verify", Writer),
        Method::update("log", Writer).takes(PAYLOAD_ARGUMENT),
        Method::query("readLast", Reader),
        Method::update("append", Writer).takes(PAYLOAD_ARGUMENT),
        Method::query("read_log", Reader),
        Method::query("log_info", Reader),
        Method::update("region_new", Writer),
        Method::query("region_list", Reader),
        Method::query("region_info", Reader),
        Method::update("region_grow", Writer),
        Method::query("region_load_blob", Reader),
        Method::update("region_store_blob", Writer).takes(PAYLOAD_ARGUMENT),
        Method::query("region_load", Reader).takes(BATCH_ARGUMENT),
        Method::update("region_store", Writer).takes(PAYLOAD_ARGUMENT),
        Method::update("region_set_owner", Writer),
        Method::query("stable_var_query", Reader),
        Method::query("status", Reader),
        Method::update("configure", Admin),
        Method::query("get_config", Reader),
        Method::update("set_role", Admin),
        Method::query("list_roles", Admin),
        Method::open_query("http_request"),
        Method::update("delete_many", Writer),
        Method::query("get_with_info", Reader),
        Method::update("put_with", Writer).takes(PAYLOAD_ARGUMENT),
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
