//! Results of the peers: what a user would write instead of using the storage canister.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use super::case::Case;
use super::interface::Interface;
use super::rig::Rig;
use super::{large, logs, objects, ours};

/// The peers' golden file.
pub const PEERS: &str = include_str!("../../golden/peers.tsv");

/// Result of a peer.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerCase {
    /// The peer's name.
    pub peer: String,
    /// Its result. The floor is the peer's own, because its replies are shorter.
    pub case: Case,
}

/// Source of a peer's module.
enum Module {
    /// An example of `bench-peers`, built by scripts/bench.sh.
    Built(&'static str),
    /// Stored compressed, because its compiler is not part of the build.
    Kept(&'static [u8]),
}

struct Peer {
    name: &'static str,
    module: Module,
    measure: fn(&mut Rig<'_>) -> Vec<Case>,
}

const ALL: [Peer; 8] = [
    Peer { name: "StableBTreeMap", module: Module::Built("stable_map"), measure: ordered_map },
    Peer {
        name: "SBTreeMap",
        module: Module::Kept(include_bytes!("../../peers/ic-stable-memory/btree_map.wasm.gz")),
        measure: unordered_map,
    },
    Peer {
        name: "SHashMap",
        module: Module::Kept(include_bytes!("../../peers/ic-stable-memory/hash_map.wasm.gz")),
        measure: unordered_map,
    },
    Peer { name: "heap map", module: Module::Built("heap_map"), measure: ordered_map },
    Peer { name: "stable-fs", module: Module::Built("files"), measure: files },
    Peer { name: "Log", module: Module::Built("stable_log"), measure: rust_log },
    Peer {
        name: "Motoko, region",
        module: Module::Kept(include_bytes!("../../peers/motoko/region_log.wasm.gz")),
        measure: motoko_log,
    },
    Peer {
        name: "Motoko, stable memory",
        module: Module::Kept(include_bytes!("../../peers/motoko/stable_memory_log.wasm.gz")),
        measure: motoko_log,
    },
];

fn ordered_map(rig: &mut Rig<'_>) -> Vec<Case> {
    let mut cases = vec![rig.upgrade("open_empty")];
    objects::fill(rig);
    cases.extend(objects::unordered(rig));
    cases.push(rig.upgrade("open_objects"));
    cases.push(objects::get(rig, "get_100B_after_upgrade"));
    cases.extend(objects::ordered(rig));
    cases.extend(objects::batches(rig));
    cases.extend(large::values(rig));
    cases
}

/// A map that cannot be read from a key on.
fn unordered_map(rig: &mut Rig<'_>) -> Vec<Case> {
    let mut cases = vec![rig.upgrade("open_empty")];
    objects::fill(rig);
    cases.extend(objects::unordered(rig));
    cases.push(rig.upgrade("open_objects"));
    cases.push(objects::get(rig, "get_100B_after_upgrade"));
    cases.extend(objects::batches(rig));
    cases
}

fn files(rig: &mut Rig<'_>) -> Vec<Case> {
    let mut cases = vec![rig.upgrade("open_empty")];
    cases.extend(large::values(rig));
    cases.extend(large::ranges(rig));
    cases.extend(large::file(rig));
    cases.extend(large::rename_and_delete(rig));
    cases
}

fn rust_log(rig: &mut Rig<'_>) -> Vec<Case> {
    let mut cases = vec![rig.upgrade("open_empty")];
    cases.extend(logs::entries(rig));
    cases.extend(logs::batches(rig));
    cases.push(logs::large_entry(rig));
    cases
}

fn motoko_log(rig: &mut Rig<'_>) -> Vec<Case> {
    let mut cases = vec![rig.upgrade("open_empty")];
    cases.extend(logs::entries(rig));
    cases.push(logs::large_entry(rig));
    cases
}

/// Measures every peer; the folder has the modules of `bench-peers`.
///
/// # Errors
///
/// If a module cannot be read.
pub fn measure_peers(folder: &Path) -> io::Result<Vec<PeerCase>> {
    let mut cases = Vec::new();
    for Peer { name, module, measure } in ALL {
        let wasm = match module {
            Module::Built(example) => fs::read(folder.join(example).with_extension("wasm"))?,
            Module::Kept(module) => module.to_vec(),
        };
        let measured = measure(&mut Rig::install(&wasm, Interface::Peer));
        let sorted = ours::sorted(measured).into_iter();
        cases.extend(sorted.map(|case| PeerCase { peer: name.to_owned(), case }));
    }
    Ok(cases)
}

/// The cases as the golden file keeps them: the peer's name, then the columns of [`tsv`](super::tsv).
pub fn peers_tsv(cases: &[PeerCase]) -> String {
    cases.iter().fold(String::new(), |mut text, PeerCase { peer, case }| {
        writeln!(text, "{peer}\t{}", case.row()).expect("a string takes all text");
        text
    })
}

/// Reads what [`peers_tsv`] wrote.
pub(super) fn parse(text: &str) -> Option<Vec<PeerCase>> {
    let row = |line: &str| {
        let (peer, case) = line.split_once('\t')?;
        Some(PeerCase { peer: peer.to_owned(), case: Case::parse(case)? })
    };
    text.lines().map(row).collect()
}

/// The peers' figures as the golden file keeps them.
pub fn kept() -> Vec<PeerCase> {
    parse(PEERS).unwrap_or_default()
}
