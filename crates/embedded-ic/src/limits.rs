//! Limits of messages, with the values of a 13-node application subnet as defaults.

/// Bytes of a wasm page, the unit in which heap and stable memory grow.
pub const WASM_PAGE_BYTES: u64 = 65_536;
/// Bytes of an operating-system page as the Internet Computer counts them: the unit of the write and access limits.
pub const OS_PAGE_BYTES: u64 = 4_096;

/// Stable memory of one canister: 500 GiB in wasm pages.
pub const MAX_STABLE_PAGES: u64 = 500 * GIB / WASM_PAGE_BYTES;
/// Bytes of certified data.
pub const MAX_CERTIFIED_DATA_BYTES: u64 = 32;
/// Bytes of the ring of canister logs, counting the texts only.
pub const LOG_RING_BYTES: usize = 4_096;
/// Longest reject message, in bytes; longer ones are truncated.
pub const MAX_REJECT_MESSAGE_BYTES: u64 = 8 * KIB;
/// Controllers of one canister.
pub const MAX_CONTROLLERS: usize = 10;
/// Largest heap of a wasm32 canister, in wasm pages.
pub const MAX_HEAP_PAGES: u64 = 4 * GIB / WASM_PAGE_BYTES;
/// Most globals of a module.
pub const MAX_GLOBALS: u64 = 1_000;

const KIB: u64 = 1_024;
const MIB: u64 = 1_024 * KIB;
const GIB: u64 = 1_024 * MIB;

/// A value for each kind of message that a canister can execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerMessage {
    /// Updates, and queries called as updates.
    pub update: u64,
    /// `canister_init`, `canister_pre_upgrade`, `canister_post_upgrade` and the start function.
    pub install: u64,
    /// Queries that are not replicated.
    pub query: u64,
    /// `canister_inspect_message`.
    pub inspect: u64,
}

/// Limits of the host. All are inclusive.
///
/// `Limits::default()` has the values of a replica; tests lower single fields.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Instructions of one message. The `install` value covers pre_upgrade, start and post_upgrade together.
    pub instructions: PerMessage,
    /// 4 KiB pages of stable memory that a message may write.
    pub stable_write_pages: PerMessage,
    /// 4 KiB pages of stable memory that a message may touch, reading or writing.
    pub stable_access_pages: PerMessage,
    /// Bytes of the argument of an update or a query. A replica also counts the signed envelope, at most about 64 KiB.
    pub ingress_bytes: u64,
    /// Bytes of the reply of an update, or of a query called as an update.
    pub update_reply_bytes: u64,
    /// Bytes of the reply of a query.
    pub query_reply_bytes: u64,
    /// Wasm pages that stable memory may grow to.
    pub stable_pages: u64,
    /// Bytes that the heap may grow to in an update, `canister_init` or `canister_post_upgrade` (`wasm_memory_limit`).
    pub heap_bytes: u64,
    /// Bytes of a module after gunzip.
    pub module_bytes: u64,
    /// Bytes of the code section of a module.
    pub code_section_bytes: u64,
    /// Functions that a module may define.
    pub module_functions: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let pages = |bytes: u64| bytes / OS_PAGE_BYTES;
        let stable = PerMessage {
            update: pages(2 * GIB),
            install: pages(8 * GIB),
            query: pages(GIB),
            inspect: pages(GIB),
        };
        Self {
            instructions: PerMessage {
                update: 40_000_000_000,
                install: 300_000_000_000,
                query: 5_000_000_000,
                inspect: 200_000_000,
            },
            stable_write_pages: stable,
            stable_access_pages: stable,
            ingress_bytes: 2 * MIB,
            update_reply_bytes: 2 * MIB,
            query_reply_bytes: 3 * MIB,
            stable_pages: MAX_STABLE_PAGES,
            heap_bytes: 3 * GIB,
            module_bytes: 100 * MIB,
            code_section_bytes: 12 * MIB,
            module_functions: 50_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_a_replica() {
        let limits = Limits::default();
        assert_eq!(MAX_STABLE_PAGES, 8_192_000);
        assert_eq!(limits.stable_write_pages.update, 524_288);
        assert_eq!(limits.stable_write_pages.install, 2_097_152);
        assert_eq!(limits.stable_access_pages.query, 262_144);
        assert_eq!(limits.ingress_bytes, 2_097_152);
        assert_eq!(limits.query_reply_bytes, 3_145_728);
    }
}
