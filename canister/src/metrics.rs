//! The status in the text format of Prometheus.
//!
//! Everyone may read it, so there are no principals and no keys in it.

use std::io;

use ic_cdk::api::time;
use ic_metrics_encoder::MetricsEncoder;
use stable_storage_api::{ArenaStatus, Result, Status, StoreBytes};

use crate::operator;
use crate::state::CanisterStore;

const NS_PER_MS: u64 = 1_000_000;

/// The metrics of this moment.
///
/// # Errors
///
/// Those of the status.
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
    let info = encoder.gauge_vec("storage_build_info", "What the canister was built from; always 1.")?;
    info.value(&labels, 1.0).map(drop)
}

fn memory(encoder: &mut Encoder, status: &Status) -> io::Result<()> {
    let gauges = [
        ("storage_capacity_bytes", "The most stable memory to grow to.", status.capacity_bytes),
        ("storage_stable_memory_bytes", "Stable memory that the canister has grown to.", status.stable_bytes),
        (
            "storage_storable_bytes",
            "The size of an upload that would be accepted now.",
            status.storable_bytes,
        ),
        ("storage_heap_bytes", "WebAssembly heap.", status.heap_bytes),
    ];
    each_gauge(encoder, &gauges)?;
    encoder.encode_gauge("storage_cycles", status.cycles as f64, "Cycles that the canister has.")
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
    for (store, bytes) in bytes {
        builder = builder.value(&[("store", store)], bytes as f64)?;
    }
    Ok(())
}

fn contents(encoder: &mut Encoder, status: &Status) -> io::Result<()> {
    let gauges = [
        ("storage_objects", "Objects.", status.objects),
        ("storage_object_bytes", "The sum of the sizes of all objects.", status.object_bytes),
        ("storage_log_entries", "Entries of the log.", status.log_entries),
        ("storage_uploads", "Open uploads, expired ones included.", status.uploads),
        ("storage_regions", "Regions.", status.regions),
        ("storage_roles", "Principals that have been given a role.", status.roles),
    ];
    each_gauge(encoder, &gauges)?;
    let help = "Changes to objects so far: the last revision.";
    encoder.encode_counter("storage_revisions_total", status.revision as f64, help)
}

fn arena(encoder: &mut Encoder, arena: &ArenaStatus) -> io::Result<()> {
    let gauges = [
        ("storage_arena_used_bytes", "Bytes of the arena in extents.", arena.used_bytes),
        ("storage_arena_free_bytes", "Bytes of the arena in free blocks.", arena.free_bytes),
        ("storage_arena_extents", "Extents of the arena.", arena.extents),
        (
            "storage_arena_largest_free_bytes",
            "A free block of so many bytes is there.",
            arena.largest_free_bytes,
        ),
        ("storage_arena_reserved_bytes", "Bytes that uploads have been promised.", arena.reserved_bytes),
    ];
    each_gauge(encoder, &gauges)?;
    let help = "The share of the free bytes outside of the largest free block.";
    encoder.encode_gauge("storage_arena_fragmentation_ratio", arena.fragmentation, help)
}

fn upgrades(encoder: &mut Encoder, status: &Status) -> io::Result<()> {
    let upgrades = status.upgrades;
    encoder.encode_counter("storage_upgrades_total", upgrades.count as f64, "Upgrades so far.")?;
    let gauges = [
        (
            "storage_last_upgrade_sealed",
            "1 if the last upgrade ran pre_upgrade.",
            upgrades.last_was_sealed.into(),
        ),
        ("storage_open_instructions", "What opening the store cost last.", upgrades.open_instructions),
    ];
    each_gauge(encoder, &gauges)
}

fn counters(encoder: &mut Encoder, status: &Status) -> io::Result<()> {
    let help = "Calls of a method that changed something or could have.";
    let mut builder = encoder.counter_vec("storage_operations_total", help)?;
    for operation in &status.operations {
        builder = builder.value(&[("method", &operation.name)], operation.count as f64)?;
    }
    let mut builder =
        encoder.counter_vec("storage_refusals_total", "Such calls that were answered with an error.")?;
    for refusal in &status.refusals {
        builder = builder.value(&[("error", &refusal.name)], refusal.count as f64)?;
    }
    Ok(())
}

fn each_gauge(encoder: &mut Encoder, gauges: &[(&str, &str, u64)]) -> io::Result<()> {
    gauges.iter().try_for_each(|(name, help, value)| encoder.encode_gauge(name, *value as f64, help))
}
