//! The methods of the contract, and the role that each of them needs.

use crate::Role;
use crate::limits::{MAX_BATCH_ITEMS, MAX_KEY_BYTES, MAX_PAYLOAD_BYTES, PAGE_BYTES};

/// Whether a method may change the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodKind {
    /// Does not change the state.
    Query,
    /// May change the state.
    Update,
}

/// What a caller can do after a call without a reply: the method may have been executed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Call again. Two calls have the same outcome as one, whatever other callers do in between.
    Repeat,
    /// Read the object, region, role or setting first. A second call could undo another caller's change, remove another
    /// object, create another region, or fail on its own condition.
    CheckState,
    /// Read the end of the log first. A second call would append the entries again.
    CheckLog,
    /// List the open uploads first. A second call would open another upload and reserve storage for it, or report that
    /// there is no such upload.
    CheckUploads,
    /// Read the object first. A second commit reports that there is no such upload.
    CheckObject,
}

/// Declaration of a method of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// Name.
    pub name: &'static str,
    /// Whether it may change the state.
    pub kind: MethodKind,
    /// The lowest role that may call it; `None` if everyone may.
    pub role: Option<Role>,
    /// The longest argument that an ingress message may have, in bytes. `inspect_message` drops longer ones, because a
    /// canister pays for each byte of a message that it accepts.
    pub max_argument_bytes: u64,
    /// What to do after a call without a reply.
    pub unanswered: Unanswered,
}

/// A few keys, a prefix, numbers, and the metadata of an object. Candid's type table takes some hundred bytes more.
const SMALL_ARGUMENT: u64 = 16 << 10;

/// [`MAX_BATCH_ITEMS`] keys of [`MAX_KEY_BYTES`], with a few numbers or a digest each, or as many offsets in a region.
const BATCH_ARGUMENT: u64 = MAX_BATCH_ITEMS * (MAX_KEY_BYTES + 64) + SMALL_ARGUMENT;

/// [`MAX_PAYLOAD_BYTES`], and a page for everything else, which is what the platform accepts.
const PAYLOAD_ARGUMENT: u64 = MAX_PAYLOAD_BYTES + PAGE_BYTES;

/// An HTTP request to which a response that is not certified is made: URL and headers. A longer one is refused before it is paid for.
const REQUEST_ARGUMENT: u64 = 64 << 10;

impl Method {
    const fn query(name: &'static str, role: Role) -> Self {
        Self {
            name,
            kind: MethodKind::Query,
            role: Some(role),
            max_argument_bytes: SMALL_ARGUMENT,
            unanswered: Unanswered::Repeat,
        }
    }

    const fn update(name: &'static str, role: Role, unanswered: Unanswered) -> Self {
        Self { kind: MethodKind::Update, unanswered, ..Self::query(name, role) }
    }

    const fn open_query(name: &'static str) -> Self {
        Self { role: None, ..Self::query(name, Role::Reader) }
    }

    /// An update that changes nothing, so that everyone may call it.
    const fn open_update(name: &'static str) -> Self {
        Self { kind: MethodKind::Update, ..Self::open_query(name) }.takes(REQUEST_ARGUMENT)
    }

    /// Sets the longest argument, in bytes.
    const fn takes(self, max_argument_bytes: u64) -> Self {
        Self { max_argument_bytes, ..self }
    }

    /// Returns the index of a method in [`METHODS`]. In a `const` block, an unknown name is a compile error.
    ///
    /// # Panics
    ///
    /// If there is no method with this name.
    #[must_use]
    pub const fn position(name: &str) -> usize {
        match Self::find(name) {
            Some(index) => index,
            None => panic!("there is no such method"),
        }
    }

    /// Returns the method with this name.
    #[must_use]
    pub const fn named(name: &str) -> Option<&'static Self> {
        match Self::find(name) {
            Some(index) => Some(&METHODS[index]),
            None => None,
        }
    }

    /// Returns the index in [`METHODS`] of the method with this name.
    #[must_use]
    pub const fn find(name: &str) -> Option<usize> {
        let mut index = 0;
        while index < METHODS.len() {
            if is_same(METHODS[index].name.as_bytes(), name.as_bytes()) {
                return Some(index);
            }
            index += 1;
        }
        None
    }
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut index = 0;
    while index < one.len() && index < other.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    one.len() == other.len()
}

/// All methods: the only declaration of names, kinds, roles, argument limits and repeatability. The canister, the client
/// and the tests read it.
///
/// Append new methods at the end, because a store counts its operations by the index in this table.
pub static METHODS: [Method; 57] = {
    use Role::{Admin, Reader, Writer};
    use Unanswered::{CheckLog, CheckObject, CheckState, CheckUploads, Repeat};
    [
        Method::update("put", Writer, CheckState).takes(PAYLOAD_ARGUMENT),
        Method::update("put_many", Writer, CheckState).takes(PAYLOAD_ARGUMENT),
        Method::query("get", Reader),
        Method::query("get_many", Reader).takes(BATCH_ARGUMENT),
        Method::query("stat", Reader),
        Method::query("read", Reader),
        Method::query("list", Reader),
        Method::query("scan", Reader),
        Method::update("delete", Writer, CheckState),
        Method::update("delete_prefix", Writer, CheckState),
        Method::update("take_first", Writer, CheckState),
        Method::update("rename", Writer, CheckState),
        Method::update("create_upload", Writer, CheckUploads),
        // The same chunk may arrive again and is compared with the received one.
        Method::update("write_chunk", Writer, Repeat).takes(PAYLOAD_ARGUMENT),
        Method::query("upload_status", Writer),
        Method::query("list_uploads", Writer),
        Method::update("commit_upload", Writer, CheckObject),
        Method::update("abort_upload", Writer, CheckUploads),
        // Hashes the next step; callers continue until there is a verdict.
        Method::update("verify", Writer, Repeat),
        Method::update("log", Writer, CheckLog).takes(PAYLOAD_ARGUMENT),
        Method::query("readLast", Reader),
        Method::update("append", Writer, CheckLog).takes(PAYLOAD_ARGUMENT),
        Method::query("read_log", Reader),
        Method::query("log_info", Reader),
        Method::update("region_new", Writer, CheckState),
        Method::query("region_list", Reader),
        Method::query("region_info", Reader),
        Method::update("region_grow", Writer, CheckState),
        Method::query("region_load_blob", Reader),
        Method::update("region_store_blob", Writer, CheckState).takes(PAYLOAD_ARGUMENT),
        Method::query("region_load", Reader).takes(BATCH_ARGUMENT),
        Method::update("region_store", Writer, CheckState).takes(PAYLOAD_ARGUMENT),
        Method::update("region_set_owner", Writer, CheckState),
        Method::query("stable_var_query", Reader),
        Method::query("status", Reader),
        Method::update("configure", Admin, CheckState),
        Method::query("get_config", Reader),
        Method::update("set_role", Admin, CheckState),
        Method::query("list_roles", Admin),
        Method::open_query("http_request"),
        Method::update("delete_many", Writer, CheckState).takes(BATCH_ARGUMENT),
        Method::query("get_with_info", Reader),
        Method::update("put_with", Writer, CheckState).takes(PAYLOAD_ARGUMENT),
        Method::update("set_certified", Admin, CheckState),
        Method::query("certified_prefixes", Reader),
        // Certifies the next step; callers continue until it is done.
        Method::update("certify", Writer, Repeat),
        Method::query("get_certified", Reader),
        Method::query("stat_certified", Reader),
        Method::query("list_certified", Reader),
        Method::query("log_certified", Reader),
        Method::update("certify_log", Admin, Repeat),
        Method::update("set_site", Admin, CheckState),
        Method::update("remove_site", Admin, CheckState),
        Method::query("list_sites", Reader),
        Method::open_update("http_request_update"),
        Method::update("copy", Writer, CheckState),
        // Copies the next chunks that are missing; callers continue until none is.
        Method::update("copy_chunks", Writer, Repeat).takes(BATCH_ARGUMENT),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_found_by_its_name_and_no_other() {
        for (index, method) in METHODS.iter().enumerate() {
            assert_eq!(Method::position(method.name), index);
            assert_eq!(Method::named(method.name), Some(method));
        }
        for name in ["", "pu", "putt", "readlast"] {
            assert_eq!(Method::named(name), None);
        }
    }

    #[test]
    fn what_changes_the_state_needs_more_than_a_reader() {
        for method in
            METHODS.iter().filter(|method| method.kind == MethodKind::Update && method.role.is_some())
        {
            assert!(method.role >= Some(Role::Writer), "{}", method.name);
        }
    }

    /// Of the updates, a second call is harmless only for these.
    #[test]
    fn only_these_updates_may_be_repeated() {
        let updates = METHODS.iter().filter(|method| method.kind == MethodKind::Update);
        let repeatable = updates.filter(|method| method.unanswered == Unanswered::Repeat);
        assert_eq!(
            repeatable.map(|method| method.name).collect::<Vec<_>>(),
            ["write_chunk", "verify", "certify", "certify_log", "http_request_update", "copy_chunks"]
        );
    }
}
