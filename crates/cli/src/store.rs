//! A store that is open: a folder with the state of one canister and this process as its host, or a canister on a network.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, anyhow, bail};
use embedded_ic::{Config, EmbeddedIc, HostError};
use storage_api::InitArgs;
use storage_client::{Client, EmbeddedTransport, RetryPolicy};
use storage_wasm::STORAGE_WASM;

use crate::{cache, network, settings::Place, time, transport::AnyTransport};

/// How long a command waits for another one that has the folder open.
const PATIENCE: Duration = Duration::from_secs(5);
/// How far the store's clock may be ahead of the machine's without its being set back.
const SKEW: Duration = Duration::from_secs(60);
/// How long it waits before it looks again.
const PAUSE: Duration = Duration::from_millis(20);

/// A client of a store's canister.
pub(crate) type StoreClient = Client<AnyTransport>;

/// A store that is open. No other process can open one in a folder meanwhile.
pub(crate) struct Store {
    place: Place,
    client: StoreClient,
}

impl Store {
    /// Opens the store.
    pub(crate) async fn open(place: &Place) -> Result<Self> {
        let client = match place {
            Place::Folder(folder) => Client::new(AnyTransport::Embedded(open_folder(folder).await?)),
            Place::Network { network, canister, identity } => {
                let transport = network::connect(network, canister, identity).await?;
                Client::new(AnyTransport::Agent(transport)).with_retry(RetryPolicy::default())
            }
        };
        Ok(Self { place: place.clone(), client })
    }

    /// Calls the canister, in a folder as its controller.
    pub(crate) fn client(&self) -> &StoreClient {
        &self.client
    }

    /// Does something with the host of the canister in a folder.
    pub(crate) fn with_host<R>(&self, operation: impl FnOnce(&mut EmbeddedIc) -> R) -> Result<R> {
        match self.client.transport() {
            AnyTransport::Embedded(transport) => Ok(transport.with_host(operation)),
            AnyTransport::Agent(_) => Err(needs_folder()),
        }
    }

    /// Closes the store, so that everything is on the disk.
    pub(crate) fn close(self) -> Result<()> {
        let transport = self.client.transport().clone();
        drop(self.client);
        let (AnyTransport::Embedded(transport), Place::Folder(folder)) = (transport, self.place) else {
            return Ok(());
        };
        let host = transport.into_host().context("a call to the store is still going on")?;
        host.close().with_context(|| format!("cannot close the store {}", folder.display()))
    }
}

/// Makes an empty store.
pub(crate) fn init(place: &Place) -> Result<PathBuf> {
    let folder = place.folder()?;
    let mut host = create(folder)?;
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

/// Opens a folder, and waits a little where another command has it open.
async fn open_folder(folder: &Path) -> Result<EmbeddedTransport> {
    let started = Instant::now();
    let mut host = loop {
        match EmbeddedIc::open_dir(folder, config()) {
            Ok(host) => break host,
            Err(HostError::FolderInUse { .. }) if started.elapsed() < PATIENCE => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(HostError::NotAFolder { .. }) => bail!("{}", no_store(folder)),
            Err(error @ HostError::Damaged { .. }) => {
                let folder = folder.display();
                return Err(error).with_context(|| {
                    format!("cannot open the store {folder}, which storage --store {folder} repair looks at")
                });
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot open the store {}", folder.display()));
            }
        }
    };
    if !host.is_installed() {
        bail!("{}", no_store(folder));
    }
    let owner = *host.controllers().first().context("the store's canister has no controller")?;
    host.notices().iter().for_each(|notice| warn(&notice.to_string()));
    set_clock(&mut host, now_ns());
    Ok(EmbeddedTransport::new(host, owner))
}

/// A host in a new folder, or in one whose making was interrupted before the canister was installed.
fn create(folder: &Path) -> Result<EmbeddedIc> {
    let config = config().with_time_ns(now_ns());
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

/// Moves the store's time to that of the machine. Small steps back are waited out, larger ones are followed: a clock that
/// was once wrong would otherwise stay wrong, and nothing would ever expire.
fn set_clock(host: &mut EmbeddedIc, now_ns: u64) {
    let ahead = Duration::from_nanos(host.time_ns().saturating_sub(now_ns));
    if ahead > SKEW {
        let then = time::rfc3339(host.time_ns());
        warn(&format!("the store's clock was at {then}, and is set back to that of this machine"));
        host.set_time_ns(now_ns);
    } else {
        host.set_time_ns(host.time_ns().max(now_ns));
    }
}

/// Says something on standard error that the user has to know although the command goes on.
fn warn(text: &str) {
    // Where standard error is closed, nobody wants to know.
    let _ = writeln!(anstream::stderr(), "storage: warning: {text}");
}

pub(crate) fn config() -> Config {
    match cache::folder() {
        Some(folder) => Config::default().with_compilation_cache(folder),
        None => Config::default(),
    }
}

fn no_store(folder: &Path) -> String {
    format!(
        "there is no store in {folder}; to make one, run: storage --store {folder} init",
        folder = folder.display()
    )
}

/// The argument of an install or upgrade that leaves everything as it is configured.
pub(crate) fn no_settings() -> Vec<u8> {
    candid::encode_one(None::<InitArgs>).expect("nothing can always be encoded")
}

fn now_ns() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX)
}
