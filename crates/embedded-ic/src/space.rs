//! Free space of a disk.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::HostError;

/// Returns the free bytes on the disk of a folder, for this user.
pub(crate) fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Returns the error of a folder whose disk lacks space for `needed` bytes.
pub(crate) fn disk_full(folder: &Path, needed: u64) -> HostError {
    let free = free_bytes(folder).unwrap_or(0);
    HostError::DiskFull {
        folder: folder.to_owned(),
        disk: mount_point(folder),
        // A quota, or the reserve of the file system, can be used up before the disk is.
        missing: needed.saturating_sub(free).max(1),
        free,
    }
}

/// Returns the mount point of the disk of a folder.
fn mount_point(folder: &Path) -> PathBuf {
    let mut point = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let device = |path: &Path| std::fs::metadata(path).ok().map(|metadata| metadata.dev());
    let own = device(&point);
    while let Some(parent) = point.parent()
        && device(parent) == own
    {
        point = parent.to_owned();
    }
    point
}
