//! Whether the disk under a store in a folder has room for what is to be stored.

use anyhow::{Context as _, Result};

use crate::{store::StoreClient, transport::AnyTransport};

/// Refuses content that cannot fit on the disk before any of it is sent. Room that removed objects have left in the store
/// is used again, and counts as far as it takes room on the disk already; so does what an upload of the same has sent before.
/// A canister on a network has its own disk.
pub(crate) async fn check(client: &StoreClient, key: &str, size: u64) -> Result<()> {
    let AnyTransport::Folder(folder) = client.transport() else { return Ok(()) };
    folder.open().await?;
    // On most disks there is room, and nothing more to ask.
    if folder.with_host(|host| host.check_room(size))?.is_ok() {
        return Ok(());
    }
    let uploads = client.list_uploads().await?;
    let begun = uploads.iter().filter(|status| status.upload.key == key && status.upload.size == Some(size));
    let sent = begun.map(|status| status.received).max().unwrap_or(0);
    let arena = client.status().await?.arena;
    // What is free in the store may never have been written, and then the disk has no room for it yet.
    let on_disk = folder.with_host(|host| host.resident_stable_bytes())?;
    let reused = arena.free_bytes.min(on_disk.saturating_sub(arena.used_bytes));
    let more = size.saturating_sub(sent).saturating_sub(reused);
    folder.with_host(|host| host.check_room(more))?.context(HINT)
}

const HINT: &str =
    "there is no room for it; free some on the disk, or remove what is not needed from the store";
