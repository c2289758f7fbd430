//! What a successful message gives back.

/// The reply of an update or a query.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// What the canister replied.
    pub bytes: Vec<u8>,
    /// Instructions of the whole message: what `performance_counter(0)` would say at its very end, reply included.
    pub instructions: u64,
    /// 4 KiB pages of stable memory that the message wrote.
    pub stable_pages_written: u64,
    /// 4 KiB pages of the heap that the message wrote. A replica charges 1,000 instructions for each, after the end.
    /// A host with a folder does not count pages that the module declares to be scratch.
    pub heap_pages_written: u64,
}

/// The outcome of an install, a reinstall or an upgrade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Execution {
    /// Instructions of everything that ran: pre_upgrade, start, and init or post_upgrade.
    pub instructions: u64,
    /// The part of `canister_pre_upgrade`; 0 if there was none.
    pub pre_upgrade: u64,
    /// The part of the start function; 0 if there is none.
    pub start: u64,
    /// The part of `canister_init`; 0 in an upgrade.
    pub init: u64,
    /// The part of `canister_post_upgrade`; 0 in an install.
    pub post_upgrade: u64,
}

/// One entry of the canister log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// Counts the records of the canister since it was created, from 0, those that fell out of the ring included.
    pub index: u64,
    /// The time of the message, in nanoseconds since 1970.
    pub time_ns: u64,
    /// What was printed, or how the message trapped.
    pub bytes: Vec<u8>,
}

impl LogRecord {
    /// The text, with what is not UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}
