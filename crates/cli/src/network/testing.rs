//! Helpers of this folder's tests.

use std::fs;

use tempfile::TempDir;

/// Creates a folder with these files, given by path and content.
pub(super) fn folder_of(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, content) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    folder
}
