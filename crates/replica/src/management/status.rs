//! `canister_status` and `fetch_canister_logs`.

use candid::Nat;
use embedded_ic::{EmbeddedIc, LOG_RING_BYTES, Limits, WASM_PAGE_BYTES};
use ic_management_canister_types::{
    CanisterLogFilter, CanisterLogRecord, CanisterStatusResult, CanisterStatusType, DefiniteCanisterSettings,
    FetchCanisterLogsResult, LogVisibility, MemoryMetrics, QueryStats, SnapshotVisibility, StatusVisibility,
};

use super::{Answer, reply_one};

/// The default freezing threshold of a network, in seconds. This server charges nothing.
const FREEZING_THRESHOLD: u64 = 2_592_000;
/// The default limit of reserved cycles of a network.
const RESERVED_CYCLES_LIMIT: u64 = 5_000_000_000_000;

/// Executes `canister_status`. Figures that this server does not measure are zero.
pub(super) fn status(host: &EmbeddedIc, chunk_bytes: usize) -> Answer {
    let pages = |pages: u64| pages * WASM_PAGE_BYTES;
    let (heap, stable) = (pages(host.heap_pages()), pages(host.stable_pages()));
    reply_one(CanisterStatusResult {
        status: if host.is_running() { CanisterStatusType::Running } else { CanisterStatusType::Stopped },
        ready_for_migration: !host.is_running(),
        version: host.canister_version(),
        settings: settings(host),
        module_hash: host.module_hash().map(|hash| hash.to_vec()),
        memory_size: Nat::from(heap + stable + chunk_bytes as u64),
        memory_metrics: MemoryMetrics {
            wasm_memory_size: heap.into(),
            stable_memory_size: stable.into(),
            global_memory_size: zero(),
            wasm_binary_size: zero(),
            custom_sections_size: Nat::from(
                host.metadata().iter().map(|section| section.content.len()).sum::<usize>(),
            ),
            canister_history_size: zero(),
            wasm_chunk_store_size: Nat::from(chunk_bytes),
            snapshots_size: zero(),
            log_memory_store_size: zero(),
        },
        cycles: Nat::from(host.cycles()),
        reserved_cycles: zero(),
        idle_cycles_burned_per_day: zero(),
        query_stats: QueryStats {
            num_calls_total: zero(),
            num_instructions_total: zero(),
            request_payload_bytes_total: zero(),
            response_payload_bytes_total: zero(),
        },
    })
}

fn settings(host: &EmbeddedIc) -> DefiniteCanisterSettings {
    DefiniteCanisterSettings {
        controllers: host.controllers().to_vec(),
        compute_allocation: zero(),
        memory_allocation: zero(),
        freezing_threshold: FREEZING_THRESHOLD.into(),
        reserved_cycles_limit: RESERVED_CYCLES_LIMIT.into(),
        minimum_incoming_canister_call_cycles: zero(),
        log_visibility: LogVisibility::Controllers,
        log_memory_limit: Nat::from(LOG_RING_BYTES),
        snapshot_visibility: SnapshotVisibility::Controllers,
        status_visibility: StatusVisibility::Controllers,
        wasm_memory_limit: Nat::from(Limits::default().heap_bytes),
        wasm_memory_threshold: zero(),
        environment_variables: Vec::new(),
    }
}

/// Executes `fetch_canister_logs`.
pub(super) fn logs(host: &EmbeddedIc, filter: Option<CanisterLogFilter>) -> Answer {
    let is_asked_for = |record: &CanisterLogRecord| match filter {
        None => true,
        Some(CanisterLogFilter::ByIdx { start, end }) => (start..=end).contains(&record.idx),
        Some(CanisterLogFilter::ByTimestampNanos { start, end }) => {
            (start..=end).contains(&record.timestamp_nanos)
        }
    };
    let records = host.logs().into_iter().map(|record| CanisterLogRecord {
        idx: record.index,
        timestamp_nanos: record.time_ns,
        content: record.bytes,
    });
    reply_one(FetchCanisterLogsResult { canister_log_records: records.filter(is_asked_for).collect() })
}

fn zero() -> Nat {
    Nat::from(0_u8)
}
