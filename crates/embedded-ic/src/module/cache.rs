//! Cache of this process's compiled modules, by hash: compiling takes seconds, and tests install the same module often.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::check::ModuleLimits;
use super::prepare::Prepared;
use crate::fault::Fault;

/// Number of cached modules. A compiled module takes about ten times its size.
const KEPT: usize = 16;

/// Returns the compiled form of a module, from the cache if possible.
///
/// The lock is held while compiling, so that two concurrent tests do not compile the same module twice.
pub(crate) fn prepared(wasm: &[u8], limits: &ModuleLimits) -> Result<Arc<Prepared>, Fault> {
    static CACHE: Mutex<VecDeque<Arc<Prepared>>> = Mutex::new(VecDeque::new());
    let hash = Prepared::hash(wasm);
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(at) = cache.iter().position(|module| module.hash == hash) {
        let module = cache.remove(at).expect("the position was just found");
        cache.push_back(Arc::clone(&module));
        module.check_limits(limits)?;
        return Ok(module);
    }
    let module = Arc::new(Prepared::new(wasm, limits)?);
    cache.push_back(Arc::clone(&module));
    if cache.len() > KEPT {
        cache.pop_front();
    }
    Ok(module)
}
