//! Builds the canister, so that this crate always contains the module of the same sources. A package of this crate contains
//! the module instead of the canister's sources.

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

/// All inputs of the module. The lock file and the toolchain affect its bytes as well.
const INPUTS: [&str; 14] = [
    // Only the needed folders, or files written by a fuzzer would cause a rebuild.
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

/// Location of the module in a package.
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

/// Returns the module of a package.
fn packaged() -> PathBuf {
    println!("cargo::rerun-if-changed={PACKAGED}");
    let module = Path::new(&required("CARGO_MANIFEST_DIR")).join(PACKAGED);
    assert!(
        module.is_file(),
        "there is neither a canister beside this crate nor {}; create a package with: scripts/package.sh",
        module.display()
    );
    module
}

/// Returns the module, built from the canister beside this crate.
fn built(workspace: &Path) -> PathBuf {
    for input in INPUTS {
        println!("cargo::rerun-if-changed={}", workspace.join(input).display());
    }
    // The outer cargo holds the lock of its target directory while it waits for this script, so the inner one needs
    // another. scripts/build.sh uses the same, so that the canister is compiled once for both.
    let target_dir = workspace.join("target").join(PROFILE);
    build_canister(workspace, &target_dir);
    target_dir.join(TARGET).join(PROFILE).join("storage_canister.wasm")
}

/// Returns the workspace with the canister; `None` if this crate was packaged.
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

/// Returns whether a variable of the outer build would affect the inner one.
///
/// `cargo clippy` and `cargo llvm-cov` replace the compiler or its flags, and cargo passes the host's target and profile to
/// a build script. None of this applies to the canister.
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

/// Returns compiler flags that keep this machine's paths out of the module, so that the same sources give the same bytes
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
    // Error messages of rustc if the standard library of the target is not installed.
    let target_missing =
        stderr.contains("target may not be installed") || stderr.contains("can't find crate for `core`");
    if target_missing {
        format!("the target {TARGET} is not installed; install it with: rustup target add {TARGET}")
    } else {
        format!("cannot build the canister:\n{stderr}")
    }
}

fn required(name: &str) -> OsString {
    env::var_os(name).unwrap_or_else(|| panic!("{name} is not set; cargo sets it for every build script"))
}
