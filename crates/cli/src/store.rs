//! A store: a folder with the state of one canister and this process as its host, or a canister on a network.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use embedded_ic::{EmbeddedIc, HostError};
use stable_storage_api::InitArgs;
use storage_client::{Client, RetryPolicy};
use storage_wasm::STORAGE_WASM;

use crate::{
    context::Context,
    failure,
    folder::{self, FolderTransport},
    network,
    notes::Notes,
    settings::Place,
    text,
    transport::AnyTransport,
};

/// A client of a store's canister.
pub(crate) type StoreClient = Client<AnyTransport>;

/// A store that can be called.
pub(crate) struct Store {
    client: StoreClient,
}

impl Store {
    /// Gets ready to call a store. A folder is opened by the first call, and while a command waits for its user it is let
    /// go: no other process can open it while it is open here.
    pub(crate) async fn new(place: &Place, context: &Context) -> Result<Self> {
        let client = match place {
            Place::Folder(path) => {
                folder::look_for(path)?;
                let folder = FolderTransport::new(path, context.wait, context.output.notes());
                context.output.idle.set(folder.clone());
                Client::new(AnyTransport::Folder(folder))
            }
            Place::Network { network, canister, identity } => {
                let transport = network::connect(network, canister, identity, context.output.notes()).await?;
                Client::new(AnyTransport::Agent(Box::new(transport))).with_retry(RetryPolicy::default())
            }
        };
        Ok(Self { client })
    }

    /// Calls the canister, in a folder as its controller.
    pub(crate) fn client(&self) -> &StoreClient {
        &self.client
    }

    /// Opens the folder for [`with_host`](Self::with_host).
    pub(crate) async fn open_host(&self) -> Result<()> {
        self.folder().ok_or_else(needs_folder)?.open().await
    }

    /// Does something with the host of the canister in a folder, which must have been opened.
    pub(crate) fn with_host<R>(&self, operation: impl FnOnce(&mut EmbeddedIc) -> R) -> Result<R> {
        self.folder().ok_or_else(needs_folder)?.with_host(operation)
    }

    /// Lets the folder go until the next call, so that other commands can open it.
    pub(crate) fn release(&self) {
        if let Some(folder) = self.folder() {
            folder.release();
        }
    }

    /// Closes the store, so that everything is on the disk, and answers what came of the command. Why the folder could not
    /// be opened or closed says more than the call that failed by it.
    pub(crate) fn close<T>(self, done: Result<T>) -> Result<T> {
        let Some(folder) = self.folder() else { return done };
        folder.release();
        match (folder.take_failure(), done) {
            (Some(failure), done) if !done.as_ref().is_err_and(failure::is_of_user) => Err(failure),
            (_, done) => done,
        }
    }

    fn folder(&self) -> Option<&FolderTransport> {
        match self.client.transport() {
            AnyTransport::Folder(folder) => Some(folder),
            AnyTransport::Agent(_) => None,
        }
    }
}

/// Makes an empty store.
pub(crate) fn init(place: &Place, notes: Notes) -> Result<PathBuf> {
    let folder = place.folder()?;
    let mut host = create(folder, notes)?;
    host.install(STORAGE_WASM, &no_settings()).context("cannot install the canister")?;
    host.close().context("cannot close the store")?;
    Ok(folder.clone())
}

impl Place {
    /// The folder, where this process is the host.
    pub(crate) fn folder(&self) -> Result<&PathBuf> {
        match self {
            Self::Folder(folder) => Ok(folder),
            Self::Network { .. } => Err(needs_folder()),
        }
    }
}

fn needs_folder() -> anyhow::Error {
    anyhow!(
        "this works on a store in a folder (--store DIR), whose host is this process; a canister on a network has its own \
         host, which icp or dfx can ask"
    )
}

/// A host in a new folder, or in one whose making was interrupted before the canister was installed.
fn create(folder: &Path, notes: Notes) -> Result<EmbeddedIc> {
    let config = folder::config(notes).with_time_ns(folder::now_ns());
    let failed = || format!("cannot make a store in {}", text::path(folder));
    match EmbeddedIc::create_dir(folder, config.clone()) {
        Ok(host) => Ok(host),
        Err(HostError::FolderExists { .. }) => match EmbeddedIc::open_dir(folder, config) {
            Ok(host) if !host.is_installed() => Ok(host),
            Ok(_) => bail!("{} is a store already", text::path(folder)),
            Err(error) => Err(error).with_context(failed),
        },
        Err(error) => Err(error).with_context(failed),
    }
}

/// The argument of an install or upgrade that leaves everything as it is configured.
pub(crate) fn no_settings() -> Vec<u8> {
    candid::encode_one(None::<InitArgs>).expect("nothing can always be encoded")
}
