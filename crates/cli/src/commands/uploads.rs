//! Commands for uploads that were begun and not finished.

use anyhow::{Result, anyhow};
use storage_api::{Error, UploadStatus};

use crate::{args::UploadsCommand, output::Output, store::StoreClient, time::rfc3339};

pub(crate) async fn run(client: &StoreClient, output: Output, command: UploadsCommand) -> Result<()> {
    match command {
        UploadsCommand::Ls => ls(client, output).await,
        UploadsCommand::Abort { id } => abort(client, output, id).await,
    }
}

async fn ls(client: &StoreClient, output: Output) -> Result<()> {
    let uploads = client.list_uploads().await?;
    output.print(&uploads, |uploads| uploads.iter().map(describe).collect())
}

async fn abort(client: &StoreClient, output: Output, id: u64) -> Result<()> {
    match client.abort_upload(id).await {
        Ok(()) => {
            output.note(&format!("aborted upload {id}"));
            Ok(())
        }
        Err(error) if error.storage_error() == Some(&Error::NotFound) => {
            Err(anyhow!("there is no upload {id}; storage uploads ls lists them"))
        }
        Err(error) => Err(error.into()),
    }
}

fn describe(status: &UploadStatus) -> String {
    let upload = &status.upload;
    let expires = rfc3339(upload.expires_ns);
    format!("{}  {} of {} bytes  expires {expires}  {}", upload.id, status.received, upload.size, upload.key)
}
