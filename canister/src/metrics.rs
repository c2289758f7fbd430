//! The status in the text format of Prometheus.
//!
//! The metrics are public, so they contain no principals and no keys.

use std::io;

use ic_cdk::api::time;
use ic_metrics_encoder::MetricsEncoder;
use stable_storage_api::{ArenaStatus, Result, Status, StoreBytes};

use crate::operator;
use crate::state::CanisterStore;

const NS_PER_MS: u64 = 1_000_000;

/// Returns the current metrics.
///
/// # Errors
///
/// Any error of the status.
pub(crate) fn encode(store: &CanisterStore) -> Result<Vec<u8>> {
    let status = operator::status(store)?;
    let mut encoder = MetricsEncoder::new(Vec::new(), (time() / NS_PER_MS) as i64);
    write_all(&mut encoder, &status).expect("writing to a vector does not fail");
    Ok(encoder.into_inner())
}

type Encoder = MetricsEncoder<Vec<u8>>;

fn write_all(encoder: &mut Encoder, status: &Status) -> io::Result<()> {
    software(encoder, status)?;
    memory(encoder, status)?;
    stores(encoder, &status.stores)?;
    contents(encoder, status)?;
    arena(encoder, &status.arena)?;
    upgrades(encoder, status)?;
    counters(encoder, status)
}

fn software(encoder: &mut Encoder, status: &Status) -> io::Result<()> {
    let layout = status.layout_version.to_string();
    let labels = [("version", &*status.version), ("build", &*status.build), ("layout_version", &*layout)];
    let info = encoder.gauge_vec("storage_build_info", "Build of the canister; always 1.")?;
    info.value(&labels, 1.0).map(drop)
}

fn memory(encoder: &mut Encoder, status: &Status) -> io::Result<()> {
    let gauges = [
        ("storage_capacity_bytes", "Capacity: limit of the stable memory.", status.capacity_bytes),
        ("storage_stable_memory_bytes", "Size of the stable memory.", status.stable_bytes),
        (
            "storage_storable_bytes",
            "Largest size of an upload that would be accepted now.",
            status.storable_bytes,
        ),
        ("storage_heap_bytes", "Size of the WebAssembly heap.", status.heap_bytes),
    ];
    each_gauge(encoder, &gauges)?;
    encoder.encode_gauge("storage_cycles", status.cycles as f64, "Cycle balance of the canister.")
}

fn stores(encoder: &mut Encoder, stores: &StoreBytes) -> io::Result<()> {
    let bytes = [
        ("objects", stores.objects),
        ("arena", stores.arena),
        ("log", stores.log),
        ("log_index", stores.log_index),
        ("uploads", stores.uploads),
        ("roles", stores.roles),
        ("regions", stores.regions),
        ("region_data", stores.region_data),
    ];
    let mut builder = encoder.gauge_vec("storage_store_bytes", "Stable memory by store.")?;
    // Before anything is certified these are 0, so that their growth has a beginning.
    let certified = stores.certified.unwrap_or_default();
    let certified = [
        ("hash_tree", certified.hash_tree),
        ("log_range", certified.log_range),
        ("scopes", certified.scopes),
        ("pieces", certified.pieces),
        ("pending", certified.pending),
    ];
    for (store, bytes) in bytes.into_iter().chain(certified) {
        builder = builder.value(&[("store", store)], bytes as f64)?;
    }
    Ok(())
}

fn contents(encoder: &mut Encoder, status: &Status) -> io::Result<()> {
    let gauges = [
        ("storage_objects", "Number of objects.", status.objects),
        ("storage_object_bytes", "Sum of the sizes of all objects.", status.object_bytes),
        ("storage_log_entries", "Number of log entries.", status.log_entries),
        ("storage_uploads", "Number of open uploads, including expired ones.", status.uploads),
        ("storage_regions", "Number of regions.", status.regions),
        ("storage_roles", "Number of principals with a role.", status.roles),
    ];
    each_gauge(encoder, &gauges)?;
    let help = "Number of changes to objects, which is the last revision.";
    encoder.encode_counter("storage_revisions_total", status.revision as f64, help)
}

fn arena(encoder: &mut Encoder, arena: &ArenaStatus) -> io::Result<()> {
    let gauges = [
        ("storage_arena_used_bytes", "Bytes of the used blocks of the arena.", arena.used_bytes),
        ("storage_arena_free_bytes", "Bytes of the free blocks of the arena.", arena.free_bytes),
        ("storage_arena_extents", "Number of extents in the arena.", arena.extents),
        (
            "storage_arena_largest_free_bytes",
            "Size of the largest free block (lower bound).",
            arena.largest_free_bytes,
        ),
        ("storage_arena_reserved_bytes", "Bytes reserved by open uploads.", arena.reserved_bytes),
    ];
    each_gauge(encoder, &gauges)?;
    let help = "Share of the free bytes outside the largest free block.";
    encoder.encode_gauge("storage_arena_fragmentation_ratio", arena.fragmentation, help)
}

fn upgrades(encoder: &mut Encoder, status: &Status) -> io::Result<()> {
    let upgrades = status.upgrades;
    encoder.encode_counter("storage_upgrades_total", upgrades.count as f64, "Number of upgrades.")?;
    let gauges = [
        (
            "storage_last_upgrade_sealed",
            "1 if the last upgrade followed a clean shutdown (pre_upgrade).",
            upgrades.last_was_sealed.into(),
        ),
        (
            "storage_open_instructions",
            "Instructions spent by the last open of the store.",
            upgrades.open_instructions,
        ),
    ];
    each_gauge(encoder, &gauges)
}

fn counters(encoder: &mut Encoder, status: &Status) -> io::Result<()> {
    let help = "Successful update calls, by method.";
    let mut builder = encoder.counter_vec("storage_operations_total", help)?;
    for operation in &status.operations {
        builder = builder.value(&[("method", &operation.name)], operation.count as f64)?;
    }
    let mut builder = encoder.counter_vec("storage_refusals_total", "Refused update calls, by error.")?;
    for refusal in &status.refusals {
        builder = builder.value(&[("error", &refusal.name)], refusal.count as f64)?;
    }
    Ok(())
}

fn each_gauge(encoder: &mut Encoder, gauges: &[(&str, &str, u64)]) -> io::Result<()> {
    gauges.iter().try_for_each(|(name, help, value)| encoder.encode_gauge(name, *value as f64, help))
}
