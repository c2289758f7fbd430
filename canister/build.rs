//! Passes the digest of the sources and the compiler to the canister, for its status. The digest covers the
//! sources themselves, not a commit, so that a tarball and a clone have the same one.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest, Sha256};

/// The sources of the module, from the root of the workspace.
const SOURCES: [&str; 7] = [
    "canister/src",
    "crates/api/src",
    "crates/engine/src",
    "crates/wire/src",
    "crates/wire-derive/src",
    "storage.did",
    "Cargo.lock",
];

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("..");
    let mut digest = Sha256::new();
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
        if let Err(error) = add(&mut digest, &root, Path::new(source)) {
            panic!("cannot read {source}: {error}");
        }
    }
    println!("cargo::rerun-if-changed=build.rs");
    let sources = hex::encode(&digest.finalize()[..8]);
    println!("cargo::rustc-env=STORAGE_BUILD=sources {sources}, {}", compiler());
}

/// Adds a file with its path, or all files of a folder in the order of their names.
fn add(digest: &mut Sha256, root: &Path, path: &Path) -> io::Result<()> {
    let full = root.join(path);
    if full.is_dir() {
        let mut names =
            fs::read_dir(&full)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
        names.sort();
        return names.iter().try_for_each(|name| add(digest, root, &path.join(name)));
    }
    let bytes = fs::read(&full)?;
    digest.update(path.to_string_lossy().as_bytes());
    digest.update((bytes.len() as u64).to_le_bytes());
    digest.update(bytes);
    Ok(())
}

/// Returns the name and the version of the compiler, for example `rustc 1.95.0`.
fn compiler() -> String {
    let rustc = env::var_os("RUSTC").expect("cargo sets it");
    let output = Command::new(rustc).arg("--version").output().expect("the compiler prints its version");
    let version = String::from_utf8_lossy(&output.stdout);
    version.split(' ').take(2).collect::<Vec<_>>().join(" ").trim().to_owned()
}
