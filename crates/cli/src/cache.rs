//! Cache of compiled canisters.

use std::{env, path::PathBuf};

use crate::{
    failure::print_warning, links::resolve, settings::user_folder, store_folders::StoreFolders, text,
};

/// Returns the folder that `STORAGE_CACHE_DIR` names, or ours in the user's cache folder. Nothing is cached
/// without a folder, or if the folder is that of a store.
pub(crate) fn folder() -> Option<PathBuf> {
    let named = env::var_os("STORAGE_CACHE_DIR").filter(|path| !path.is_empty());
    let folder = named.map(PathBuf::from).or_else(|| user_folder("XDG_CACHE_HOME", ".cache"))?;
    let stores = StoreFolders::default();
    if let Some(store) = stores.around(&resolve(&folder).ok()?) {
        let (folder, store) = (text::path(&folder), text::path(store));
        print_warning(&format!("nothing is cached: {folder} is in the folder of the store {store}"));
        return None;
    }
    Some(folder)
}
