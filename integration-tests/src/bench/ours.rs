//! Results of the storage canister.

use super::case::Case;
use super::interface::Interface;
use super::rig::Rig;
use super::{large, logs, objects};

/// The cases, in the order of the golden file.
pub(super) const CASES: [&str; 31] = [
    "get_100B",
    "get_100B_after_upgrade",
    "put_100B",
    "overwrite_100B",
    "delete_100B",
    "put_many_random",
    "put_many_sequential",
    "get_many_100",
    "list_100",
    "scan_100",
    "take_first",
    "rename",
    "log_100B",
    "log_100B_writer",
    "append_1000",
    "read_last_1000",
    "read_log_1000",
    "log_1MiB",
    "put_1MiB",
    "get_1MiB",
    "read_1MiB",
    "write_chunk_31_pages",
    "create_upload_1GiB",
    "commit_upload_1GiB",
    "rename_1GiB",
    "delete_1GiB",
    "copy_1MiB",
    "copy_chunks_64MiB",
    "open_empty",
    "open_objects",
    "open_full",
];

/// Measures every case on a canister of this module.
pub fn measure(wasm: &[u8]) -> Vec<Case> {
    let mut rig = Rig::install(wasm, Interface::Storage);
    let rig = &mut rig;
    let mut cases = vec![rig.upgrade("open_empty")];
    cases.extend(logs::entries(rig));
    cases.extend(logs::batches(rig));
    cases.push(rig.as_writer(|rig| logs::log(rig, "log_100B_writer")));
    cases.push(logs::large_entry(rig));
    objects::fill(rig);
    cases.extend(objects::unordered(rig));
    cases.push(rig.upgrade("open_objects"));
    cases.push(objects::get(rig, "get_100B_after_upgrade"));
    cases.extend(objects::ordered(rig));
    cases.extend(objects::batches(rig));
    cases.extend(large::values(rig));
    cases.extend(large::ranges(rig));
    cases.extend(large::upload(rig));
    cases.push(rig.upgrade("open_full"));
    cases.extend(large::rename_and_delete(rig));
    cases.extend(large::copies(rig));
    sorted(cases)
}

/// Returns the cases in the order of [`CASES`], rounded as in the golden files.
pub(super) fn sorted(mut cases: Vec<Case>) -> Vec<Case> {
    cases.sort_by_key(|case| CASES.iter().position(|name| *name == case.name));
    cases.iter().map(Case::rounded).collect()
}
