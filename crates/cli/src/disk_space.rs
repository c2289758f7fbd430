//! Check that the disk of a store in a folder has space for new content.

use anyhow::Result;

use crate::{failure::add_help, store::StoreClient, transport::AnyTransport};

/// Rejects content that cannot fit on the disk before any of it is sent. Free space within the store counts as far as it
/// is allocated on the disk, and so does what an earlier upload of the same content has sent. For a canister on a network,
/// nothing is checked.
pub(crate) async fn check(client: &StoreClient, key: &str, size: u64) -> Result<()> {
    let AnyTransport::Folder(folder) = client.transport() else { return Ok(()) };
    folder.open().await?;
    // Usually there is enough space, and no call is needed.
    if folder.with_host(|host| host.check_room(size))?.is_ok() {
        return Ok(());
    }
    let uploads = client.list_uploads().await?;
    let begun = uploads.iter().filter(|status| status.upload.key == key && status.upload.size == Some(size));
    let sent = begun.map(|status| status.received).max().unwrap_or(0);
    let arena = client.status().await?.arena;
    // Free space in the store may never have been written, and then it is not allocated on the disk.
    let on_disk = folder.with_host(|host| host.resident_stable_bytes())?;
    let reused = arena.free_bytes.min(on_disk.saturating_sub(arena.used_bytes));
    let more = size.saturating_sub(sent).saturating_sub(reused);
    let room = folder.with_host(|host| host.check_room(more))?;
    room.map_err(|error| add_help(error, "there is not enough disk space", HELP))
}

const HELP: &str = "free space on the disk, or delete objects from the store";
