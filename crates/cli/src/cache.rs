//! Cache of compiled canisters.

use std::{env, path::PathBuf};

use crate::settings::user_folder;

/// Returns the folder that `STORAGE_CACHE_DIR` names, or ours in the user's cache folder.
pub(crate) fn folder() -> Option<PathBuf> {
    let named = env::var_os("STORAGE_CACHE_DIR").filter(|path| !path.is_empty());
    named.map(PathBuf::from).or_else(|| user_folder("XDG_CACHE_HOME", ".cache"))
}
