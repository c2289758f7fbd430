//! Builds the canister, so that whoever depends on this crate always has the module of these very sources. A package of this
//! crate has no canister beside it, and the module instead.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest, Sha256};

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "canister";

/// Everything that the module is made of. The lock file and the toolchain decide on its bytes as much as the sources.
const INPUTS: [&str; 14] = [
    // Not all of the folders, or what a fuzzer writes there would have the canister built again.
    "canister/Cargo.toml",
    "canister/build.rs",
    "canister/src",
    "crates/api",
    "crates/engine/Cargo.toml",
    "crates/engine/src",
    "crates/wire/Cargo.toml",
    "crates/wire/src",
    "crates/wire-derive/Cargo.toml",
    "crates/wire-derive/src",
    "storage.did",
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
];

/// Where a package has the module.
const PACKAGED: &str = "module/storage.wasm";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let module = match workspace_root() {
        Some(workspace) => built(&workspace),
        None => packaged(),
    };
    let kept = Path::new(&required("OUT_DIR")).join("storage.wasm");
    if let Err(error) = fs::copy(&module, &kept) {
        panic!("cannot copy {} to {}: {error}", module.display(), kept.display());
    }
    match fs::read(&kept) {
        Ok(module) => {
            println!("cargo::rustc-env=STORAGE_WASM_SHA256={}", hex::encode(Sha256::digest(module)));
        }
        Err(error) => panic!("cannot read {}: {error}", kept.display()),
    }
}

/// The module of a package.
fn packaged() -> PathBuf {
    println!("cargo::rerun-if-changed={PACKAGED}");
    let module = Path::new(&required("CARGO_MANIFEST_DIR")).join(PACKAGED);
    assert!(
        module.is_file(),
        "there is neither a canister beside this crate nor {}; to make a package that has it, run: scripts/package.sh",
        module.display()
    );
    module
}

/// The module, built from the canister beside this crate.
fn built(workspace: &Path) -> PathBuf {
    for input in INPUTS {
        println!("cargo::rerun-if-changed={}", workspace.join(input).display());
    }
    // The outer cargo holds the lock of its own target directory while it waits for this script, so the inner one needs
    // another. scripts/build.sh uses the same, so that the canister is compiled once for both.
    let target_dir = workspace.join("target").join(PROFILE);
    build_canister(workspace, &target_dir);
    target_dir.join(TARGET).join(PROFILE).join("storage_canister.wasm")
}

/// The workspace that has the canister; nothing where this crate was packaged and lies by itself.
fn workspace_root() -> Option<PathBuf> {
    let manifest_dir = PathBuf::from(required("CARGO_MANIFEST_DIR"));
    let root = manifest_dir.ancestors().nth(2)?;
    root.join("canister/Cargo.toml").is_file().then(|| root.to_path_buf())
}

fn build_canister(workspace: &Path, target_dir: &Path) {
    let mut cargo = Command::new(required("CARGO"));
    cargo
        .current_dir(workspace)
        .args(["build", "--locked", "--profile", PROFILE, "--target", TARGET, "-p", "storage-canister"])
        .args(env::var_os("CARGO_NET_OFFLINE").map(|_| "--offline"));
    for (name, _) in env::vars_os().filter(|(name, _)| leaks(name)) {
        cargo.env_remove(name);
    }
    cargo.env("CARGO_TARGET_DIR", target_dir);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", remap_flags(workspace));

    let output = match cargo.output() {
        Ok(output) => output,
        Err(error) => panic!("cannot run {cargo:?}: {error}"),
    };
    if !output.status.success() {
        panic!("{}", explain(&String::from_utf8_lossy(&output.stderr)));
    }
}

/// Whether a variable of the outer build would change what the inner one does.
///
/// `cargo clippy` and `cargo llvm-cov` replace the compiler or its flags, and cargo itself tells a build script about
/// the host's target and profile. None of it holds for the canister.
fn leaks(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let settings =
        ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_SOURCE_", "CARGO_TERM_"];
    let is_setting = settings.iter().any(|prefix| name.starts_with(prefix));
    let of_cargo = name.starts_with("CARGO") || name.starts_with("__CARGO") || name.starts_with("DEP_");
    let of_compiler = name.starts_with("RUSTC") || name.starts_with("RUSTDOC") || name == "RUSTFLAGS";
    let of_tools = name.starts_with("CLIPPY_") || name.starts_with("LLVM_PROFILE") || name == "MAKEFLAGS";
    let of_script =
        ["TARGET", "HOST", "PROFILE", "OPT_LEVEL", "DEBUG", "NUM_JOBS", "OUT_DIR"].contains(&name);
    (of_cargo && !is_setting) || of_compiler || of_tools || of_script
}

/// Compiler flags that keep this machine's paths out of the module, so that the same sources give the same bytes
/// anywhere. scripts/build.sh passes the same ones in the same order, or the two would rebuild each other's work.
fn remap_flags(workspace: &Path) -> OsString {
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cargo");
    let mut flags = OsString::from("--remap-path-prefix=");
    flags.push(cargo_home.unwrap_or_else(home));
    flags.push("=/cargo\u{1f}--remap-path-prefix=");
    flags.push(workspace);
    flags.push("=/storage");
    flags
}

fn explain(stderr: &str) -> String {
    // The words of rustc where the standard library of the target is not installed.
    let target_missing =
        stderr.contains("target may not be installed") || stderr.contains("can't find crate for `core`");
    if target_missing {
        format!("the compiler cannot build for {TARGET} yet; to mend that, run: rustup target add {TARGET}")
    } else {
        format!("the canister does not build:\n{stderr}")
    }
}

fn required(name: &str) -> OsString {
    env::var_os(name).unwrap_or_else(|| panic!("{name} is not set; cargo sets it for every build script"))
}
