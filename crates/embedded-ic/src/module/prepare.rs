//! Preparing a module: decompress, check, rewrite, compile and link.

use std::io::Read;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmtime::InstancePre;
use wasmtime::wasmparser::{Parser, Payload};

use super::ModuleHash;
use super::Segments;
use super::check::{self, ModuleLimits, Shape};
use super::compiled;
use super::engine::{engine, folder_of_compiled_modules};
use super::rewrite;
use crate::cost;
use crate::fault::Fault;
use crate::signer::Metadata;
use crate::system_api::{self, HostState};

/// The first bytes of a gzip stream.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Module that can be instantiated.
pub(crate) struct Prepared {
    /// Hash of the module as it was given.
    pub(crate) hash: ModuleHash,
    /// The module with everything linked.
    pub(crate) linked: InstancePre<HostState>,
    /// Properties of the module.
    pub(crate) shape: Shape,
    /// Amounts that a replica has charged before each call returns.
    pub(crate) segments: Arc<Segments>,
    /// The custom sections that certificates contain.
    pub(crate) metadata: Vec<Metadata>,
}

impl Prepared {
    pub(crate) fn hash(wasm: &[u8]) -> ModuleHash {
        Sha256::digest(wasm).into()
    }

    /// Decompresses, checks and compiles a module.
    pub(crate) fn new(given: &[u8], limits: &ModuleLimits) -> Result<Self, Fault> {
        let unpacked = unpack(given, limits.module_bytes)?;
        let wasm = unpacked.as_deref().unwrap_or(given);
        let shape = check::check(wasm, limits)?;
        let rewritten = rewrite::rewrite(wasm, &shape)?;
        let engine = engine().map_err(Fault::Host)?;
        let module = compiled::module(engine, &rewritten, folder_of_compiled_modules()).map_err(|error| {
            Fault::InvalidWasm(format!("Wasmtime failed to validate wasm module {error:#}"))
        })?;
        let linked = system_api::link(&module)?;
        let segments = Segments::of(&rewritten, &cost::operators()).map_err(|error| {
            Fault::InvalidWasm(format!("Wasmtime failed to validate wasm module {error}"))
        })?;
        let metadata = metadata(wasm);
        Ok(Self { hash: Self::hash(given), linked, shape, segments: Arc::new(segments), metadata })
    }

    /// Checks the limits of a host against a module that another host compiled.
    pub(crate) fn check_limits(&self, limits: &ModuleLimits) -> Result<(), Fault> {
        self.shape.check_limits(limits)
    }

    /// Returns whether the export exists.
    pub(crate) fn exports(&self, name: &str) -> bool {
        self.shape.functions.contains(name)
    }
}

/// The custom sections of a module whose names begin with `icp:public ` or `icp:private `.
fn metadata(wasm: &[u8]) -> Vec<Metadata> {
    let custom = Parser::new(0).parse_all(wasm).filter_map(|payload| match payload {
        Ok(Payload::CustomSection(section)) => Some(section),
        _ => None,
    });
    let declared = custom.filter_map(|section| {
        let (visibility, name) = section.name().strip_prefix("icp:")?.split_once(' ')?;
        let is_public = match visibility {
            "public" => true,
            "private" => false,
            _ => return None,
        };
        Some(Metadata { name: name.to_owned(), is_public, content: section.data().to_vec() })
    });
    declared.collect()
}

/// Decompresses a gzip stream. Returns `None` if the bytes are not one.
fn unpack(given: &[u8], limit: u64) -> Result<Option<Vec<u8>>, Fault> {
    if !given.starts_with(&GZIP_MAGIC) {
        return Ok(None);
    }
    let mut wasm = Vec::new();
    // One byte more than the limit distinguishes a module that is too large from one that just fits, in bounded memory.
    flate2::read::GzDecoder::new(given)
        .take(limit.saturating_add(1))
        .read_to_end(&mut wasm)
        .map_err(|error| Fault::InvalidWasm(format!("Failed to decode wasm module: {error}")))?;
    Ok(Some(wasm))
}
