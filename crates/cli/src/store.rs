//! A store: a folder with the state of one canister, hosted by this process, or a canister on a network.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use embedded_ic::{EmbeddedIc, HostError};
use stable_storage_api::InitArgs;
use storage_client::{Client, RetryPolicy};
use storage_wasm::STORAGE_WASM;

use crate::{
    context::Context,
    failure,
    failure::with_help,
    folder::{self, FolderTransport},
    links::resolve,
    network,
    notes::Notes,
    settings::StoreLocation,
    text,
    transport::AnyTransport,
};

/// Client of a store's canister.
pub(crate) type StoreClient = Client<AnyTransport>;

/// Store that can be called.
pub(crate) struct Store {
    client: StoreClient,
}

impl Store {
    /// Prepares calls to a store. A folder is opened by the first call, and released while a command waits for its user: no
    /// other process can open it while it is open here.
    pub(crate) async fn new(location: &StoreLocation, context: &Context) -> Result<Self> {
        let client = match location {
            StoreLocation::Folder(path) => {
                folder::look_for(path)?;
                let folder = FolderTransport::new(path, context.wait, context.output.notes());
                context.output.idle.add(folder.clone());
                Client::new(AnyTransport::Folder(folder))
            }
            StoreLocation::Network { network, canister, identity } => {
                let transport = network::connect(network, canister, identity, context.output.notes()).await?;
                Client::new(AnyTransport::Agent(Box::new(transport))).with_retry(RetryPolicy::default())
            }
        };
        Ok(Self { client })
    }

    /// Returns the client; in a folder, it calls as the controller.
    pub(crate) fn client(&self) -> &StoreClient {
        &self.client
    }

    /// Opens the folder for [`with_host`](Self::with_host).
    pub(crate) async fn open_host(&self) -> Result<()> {
        self.folder().ok_or_else(needs_folder)?.open().await
    }

    /// Runs an operation on the host of a canister in a folder, which must be open.
    pub(crate) fn with_host<R>(&self, operation: impl FnOnce(&mut EmbeddedIc) -> R) -> Result<R> {
        self.folder().ok_or_else(needs_folder)?.with_host(operation)
    }

    /// Releases the folder until the next call, so that other commands can open it.
    pub(crate) fn release(&self) {
        if let Some(folder) = self.folder() {
            folder.release();
        }
    }

    /// Closes the store, so that everything is on the disk, and returns the result of the command. An error of opening or
    /// closing the folder takes precedence over the call that failed because of it.
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
            _ => None,
        }
    }
}

/// Creates an empty store.
///
/// # Errors
/// For a path in the folder of another store as well, which would then have files that are not its own.
pub(crate) fn init(location: &StoreLocation, context: &Context) -> Result<PathBuf> {
    let (folder, notes) = (location.folder()?, context.output.notes());
    let failed = || format!("cannot create a store in {}", text::path(folder));
    let resolved = resolve(folder).with_context(failed)?;
    if let Some(above) = resolved.parent() {
        context.store_folders.check_outside(above).with_context(failed)?;
    }
    let mut host = create(folder, notes)?;
    host.install(STORAGE_WASM, &no_settings()).context("cannot install the canister")?;
    host.close().context("cannot close the store")?;
    Ok(folder.clone())
}

impl StoreLocation {
    /// Returns the folder, if this process is the host.
    pub(crate) fn folder(&self) -> Result<&PathBuf> {
        match self {
            Self::Folder(folder) => Ok(folder),
            Self::Network { .. } => Err(needs_folder()),
        }
    }
}

fn needs_folder() -> anyhow::Error {
    with_help(
        "this command works only on a store in a folder",
        "give --store DIR; for a canister on a network, use icp or dfx",
    )
}

/// Creates a host in a new folder, or in one whose creation was interrupted before the canister was installed.
fn create(folder: &Path, notes: Notes) -> Result<EmbeddedIc> {
    let config = folder::config(notes).with_time_ns(folder::now_ns());
    let failed = || format!("cannot create a store in {}", text::path(folder));
    match EmbeddedIc::create_dir(folder, config.clone()) {
        Ok(host) => Ok(host),
        Err(HostError::FolderExists { .. }) => match EmbeddedIc::open_dir(folder, config) {
            Ok(host) if !host.is_installed() => Ok(host),
            Ok(_) => bail!("{} already is a store", text::path(folder)),
            Err(error) => Err(error).with_context(failed),
        },
        Err(error) => Err(error).with_context(failed),
    }
}

/// Returns the argument of an install or upgrade that keeps the configuration.
pub(crate) fn no_settings() -> Vec<u8> {
    candid::encode_one(None::<InitArgs>).expect("the empty option can be encoded")
}
