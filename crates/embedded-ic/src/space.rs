//! How much room a disk has.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::HostError;

/// Bytes that are free on the disk of a folder, for this user.
pub(crate) fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// The error of a folder whose disk has no room for so many bytes.
pub(crate) fn disk_full(folder: &Path, needed: u64) -> HostError {
    let free = free_bytes(folder).unwrap_or(0);
    HostError::DiskFull {
        folder: folder.to_owned(),
        disk: mount_point(folder),
        // A share of the disk, or what it keeps for itself, can be used up before the disk is.
        missing: needed.saturating_sub(free).max(1),
        free,
    }
}

/// Where the disk of a folder is mounted.
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
