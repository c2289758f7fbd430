//! Results of successful messages.

/// Reply of an update or a query.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The reply.
    pub bytes: Vec<u8>,
    /// Instructions of the whole message: the value of `performance_counter(0)` at its very end, including the reply.
    pub instructions: u64,
    /// 4 KiB pages of stable memory that the message wrote.
    pub stable_pages_written: u64,
    /// 4 KiB heap pages that the message wrote. A replica charges 1,000 instructions for each, after the end. A host with a
    /// folder does not count pages of scratch.
    pub heap_pages_written: u64,
}

/// Result of an install, a reinstall or an upgrade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Execution {
    /// Instructions of all functions: pre_upgrade, start, and init or post_upgrade.
    pub instructions: u64,
    /// Instructions of `canister_pre_upgrade`; 0 if it did not run.
    pub pre_upgrade: u64,
    /// Instructions of the start function; 0 if it did not run.
    pub start: u64,
    /// Instructions of `canister_init`; 0 in an upgrade.
    pub init: u64,
    /// Instructions of `canister_post_upgrade`; 0 in an install.
    pub post_upgrade: u64,
}

/// Entry of the canister log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// Index of the record since the creation of the canister, from 0, including records that were dropped from the ring.
    pub index: u64,
    /// Time of the message, in nanoseconds since 1970.
    pub time_ns: u64,
    /// The printed line, or the text of the trap.
    pub bytes: Vec<u8>,
}

impl LogRecord {
    /// Returns the text, with invalid UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}
