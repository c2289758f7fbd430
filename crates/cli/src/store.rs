//! A store: a folder with the state of one canister, and this process as its host.

use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, anyhow, bail};
use embedded_ic::{Config, EmbeddedIc, Execution, HostError, UpgradeOptions};
use storage_api::InitArgs;
use storage_client::{Client, EmbeddedTransport};
use storage_wasm::STORAGE_WASM;

/// A client of the canister in a folder.
pub(crate) type StoreClient = Client<EmbeddedTransport>;

/// A store that is open. No other process can open it meanwhile.
pub(crate) struct Store {
    folder: PathBuf,
    client: StoreClient,
}

impl Store {
    /// Makes an empty store in a folder.
    pub(crate) fn init(folder: &Path) -> Result<()> {
        let mut host = create(folder)?;
        host.install(STORAGE_WASM, &no_settings()).context("cannot install the canister")?;
        host.close().context("cannot close the store")
    }

    /// Opens the store in a folder.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let mut host = match EmbeddedIc::open_dir(folder, Config::default()) {
            Ok(host) => host,
            Err(error @ HostError::NotAFolder { .. }) => return Err(anyhow!(error).context(no_store(folder))),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot open the store {}", folder.display()));
            }
        };
        if !host.is_installed() {
            bail!("{}", no_store(folder));
        }
        let owner = *host.controllers().first().context("the store's canister has no controller")?;
        host.set_time_ns(host.time_ns().max(now_ns()));
        Ok(Self { folder: folder.to_owned(), client: Client::new(EmbeddedTransport::new(host, owner)) })
    }

    /// Calls the canister as its controller.
    pub(crate) fn client(&self) -> &StoreClient {
        &self.client
    }

    /// Does something with the host of the canister.
    pub(crate) fn with_host<R>(&self, operation: impl FnOnce(&mut EmbeddedIc) -> R) -> R {
        self.client.transport().with_host(operation)
    }

    /// Upgrades the canister to the one that this command was built with.
    pub(crate) fn upgrade(&self, options: UpgradeOptions) -> Result<Execution> {
        let upgraded = self.with_host(|host| host.upgrade(STORAGE_WASM, &no_settings(), options));
        upgraded.context("the upgrade was refused, and the store is as it was")
    }

    /// Closes the store, so that everything is on the disk.
    pub(crate) fn close(self) -> Result<()> {
        let host = self.client.transport().clone();
        drop(self.client);
        let host = host.into_host().context("a call to the store is still going on")?;
        host.close().with_context(|| format!("cannot close the store {}", self.folder.display()))
    }
}

/// A host in a new folder, or in one whose making was interrupted before the canister was installed.
fn create(folder: &Path) -> Result<EmbeddedIc> {
    let config = Config::default().with_time_ns(now_ns());
    match EmbeddedIc::create_dir(folder, config.clone()) {
        Ok(host) => Ok(host),
        Err(HostError::FolderExists { .. }) => match EmbeddedIc::open_dir(folder, config) {
            Ok(host) if !host.is_installed() => Ok(host),
            Ok(_) => bail!("{} is a store already", folder.display()),
            Err(error) => Err(error).with_context(|| format!("cannot make a store in {}", folder.display())),
        },
        Err(error) => Err(error).with_context(|| format!("cannot make a store in {}", folder.display())),
    }
}

fn no_store(folder: &Path) -> String {
    format!(
        "there is no store in {folder}; to make one, run: storage --store {folder} init",
        folder = folder.display()
    )
}

/// The argument of an install or upgrade that leaves everything as it is configured.
fn no_settings() -> Vec<u8> {
    candid::encode_one(None::<InitArgs>).expect("nothing can always be encoded")
}

fn now_ns() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX)
}
