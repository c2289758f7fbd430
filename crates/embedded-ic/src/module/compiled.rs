//! Cache of compiled modules in a folder, for other processes.
//!
//! A file contains the SHA-256 of the rest, and a module as serialized by wasmtime. It is machine code, so a file with a
//! wrong digest is ignored: the module is compiled again, and the file replaced.

#![expect(
    unsafe_code,
    reason = "wasmtime cannot check machine code, and leaves it to its caller to vouch for it"
)]

use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::{Engine, Module};

use super::engine::before_compiling;

/// Suffix of the files.
const SUFFIX: &str = "compiled";
/// Number of files; the oldest are removed.
const KEPT: usize = 16;
const DIGEST: usize = 32;

/// Returns the module of this wasm, from the folder or compiled and stored there. An unusable folder is ignored.
pub(super) fn module(engine: &Engine, wasm: &[u8], folder: Option<&Path>) -> wasmtime::Result<Module> {
    let Some(folder) = folder else {
        before_compiling();
        return Module::from_binary(engine, wasm);
    };
    let path = folder.join(name(engine, wasm));
    if let Some(module) = read(engine, &path) {
        return Ok(module);
    }
    before_compiling();
    let module = Module::from_binary(engine, wasm)?;
    if let Ok(bytes) = module.serialize() {
        // Otherwise the next process compiles it again.
        let _ = keep(folder, &path, &bytes);
    }
    Ok(module)
}

/// The engine's version and settings are part of the name.
fn name(engine: &Engine, wasm: &[u8]) -> String {
    let mut settings = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut settings);
    let digest = Sha256::new().chain_update(settings.finish().to_le_bytes()).chain_update(wasm).finalize();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}.{SUFFIX}")
}

fn read(engine: &Engine, path: &Path) -> Option<Module> {
    let bytes = fs::read(path).ok()?;
    let (digest, module) = bytes.split_at_checked(DIGEST)?;
    if Sha256::digest(module)[..] != *digest {
        return None;
    }
    // SAFETY: The digest shows that the bytes are those that `keep` has written, and `keep` writes the output of `serialize` of
    // the same wasmtime; wasmtime itself rejects another version or other settings. `Config::with_compilation_cache`
    // requires that no other user, who could also write a digest, can write to the folder.
    unsafe { Module::deserialize(engine, module) }.ok()
}

/// Writes a file in one step, and removes surplus files.
fn keep(folder: &Path, path: &Path, module: &[u8]) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    let written = write(&mut file, module).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written?;
    remove_oldest(folder)
}

fn write(file: &mut File, module: &[u8]) -> io::Result<()> {
    file.write_all(&Sha256::digest(module))?;
    file.write_all(module)
}

fn remove_oldest(folder: &Path) -> io::Result<()> {
    let mut files: Vec<(std::time::SystemTime, PathBuf)> = fs::read_dir(folder)?
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|suffix| suffix == SUFFIX))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    files.sort();
    for (_, path) in files.iter().rev().skip(KEPT) {
        fs::remove_file(path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::engine;

    fn wasm(number: u32) -> Vec<u8> {
        wat::parse_str(format!("(module (func (export \"f\") (result i32) (i32.const {number})))")).unwrap()
    }

    #[test]
    fn a_file_with_a_flipped_bit_is_compiled_again() {
        let (folder, engine) = (tempfile::tempdir().unwrap(), engine().unwrap());
        let path = folder.path().join(name(engine, &wasm(1)));
        module(engine, &wasm(1), Some(folder.path())).unwrap();
        let sound = fs::read(&path).unwrap();
        assert!(read(engine, &path).is_some());
        for at in (0..sound.len()).step_by(sound.len() / 60) {
            let mut bad = sound.clone();
            bad[at] ^= 4;
            fs::write(&path, &bad).unwrap();
            assert!(read(engine, &path).is_none(), "byte {at}");
        }
        for bad in [&sound[..sound.len() - 1], &sound[..31], &[]] {
            fs::write(&path, bad).unwrap();
            assert!(read(engine, &path).is_none());
        }
        module(engine, &wasm(1), Some(folder.path())).unwrap();
        assert!(read(engine, &path).is_some(), "the file was not replaced");
    }

    #[test]
    fn number_of_files_is_limited() {
        let (folder, engine) = (tempfile::tempdir().unwrap(), engine().unwrap());
        for number in 0..KEPT as u32 + 3 {
            module(engine, &wasm(number), Some(folder.path())).unwrap();
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), KEPT);
        // Without a folder, and with one that cannot be made, modules are compiled.
        module(engine, &wasm(1), None).unwrap();
        module(engine, &wasm(1), Some(Path::new("/dev/null/folder"))).unwrap();
    }
}
