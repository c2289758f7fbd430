//! Where compiled canisters are kept, so that not every command compiles its canister anew.

use std::{env, path::PathBuf};

use crate::settings::user_folder;

/// The folder that `STORAGE_CACHE_DIR` names, or else ours in the user's folder of caches.
pub(crate) fn folder() -> Option<PathBuf> {
    let named = env::var_os("STORAGE_CACHE_DIR").filter(|path| !path.is_empty());
    named.map(PathBuf::from).or_else(|| user_folder("XDG_CACHE_HOME", ".cache"))
}
