//! The canister in a folder, run by this process: opened for the first call, and let go while nobody calls.

use std::{
    fs::{self, File, TryLockError},
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, anyhow, bail};
use candid::Principal;
use embedded_ic::{CallError, Config, EmbeddedIc, HostError};
use storage_client::{Transport, TransportError};
use tokio::{sync::oneshot, task::yield_now, time::Instant};

use crate::{
    cache,
    notes::{self, Notes},
    served, text, time,
};

/// How long a command waits without saying so.
const UNSAID: Duration = Duration::from_secs(1);
/// How far the store's clock may be ahead of the machine's without its being set back.
const SKEW: Duration = Duration::from_secs(60);
/// How long it waits before it looks again.
const PAUSE: Duration = Duration::from_millis(10);

/// Calls the canister in a folder as its controller. Clones call the same one.
#[derive(Clone)]
pub(crate) struct FolderTransport(Arc<Shared>);

struct Shared {
    folder: PathBuf,
    /// How long to wait for other commands.
    wait: Option<Duration>,
    notes: Notes,
    state: Mutex<State>,
    /// Whoever opens the folder, so that calls that are under way at once do so once.
    opening: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    host: Option<EmbeddedIc>,
    owner: Option<Principal>,
    /// Why the folder could not be opened or closed, until somebody asks.
    failure: Option<anyhow::Error>,
}

impl FolderTransport {
    /// Gets ready to open a folder. A command waits so long for others that have it open, or for as long as it takes.
    pub(crate) fn new(folder: &Path, wait: Option<Duration>, notes: Notes) -> Self {
        let state = Mutex::default();
        let opening = tokio::sync::Mutex::default();
        Self(Arc::new(Shared { folder: folder.to_owned(), wait, notes, state, opening }))
    }

    /// Opens the folder, if it is not open.
    pub(crate) async fn open(&self) -> Result<()> {
        let _turn = self.0.opening.lock().await;
        if self.state().host.is_some() {
            return Ok(());
        }
        let mut host = self.open_in_turn().await?;
        let folder = &self.0.folder;
        if !host.is_installed() {
            bail!("{}", no_store(folder));
        }
        let owner = *host.controllers().first().context("the store's canister has no controller")?;
        let mut state = self.state();
        // Once is enough for a command that opens the folder more than once.
        if state.owner.is_none() {
            host.notices().iter().for_each(|notice| warn(&notice.to_string()));
        }
        set_clock(&mut host, now_ns());
        (state.host, state.owner) = (Some(host), Some(owner));
        Ok(())
    }

    /// Opens the folder when the commands that came before are done with it.
    async fn open_in_turn(&self) -> Result<EmbeddedIc> {
        let Shared { folder, wait, notes, .. } = &*self.0;
        let start = Instant::now();
        let mut is_said = false;
        // Whoever is first in the queue looks whether the folder is free, and all others wait behind it.
        let mut queue = Queue::enter(folder);
        loop {
            if queue.is_first() {
                match EmbeddedIc::open_dir(folder, config(*notes)) {
                    Ok(host) => return Ok(host),
                    Err(HostError::FolderInUse { .. }) => refuse_served(folder)?,
                    Err(HostError::NotAFolder { .. }) => bail!("{}", no_store(folder)),
                    Err(error) => return Err(cannot_open(error, folder)),
                }
            }
            if start.elapsed() >= UNSAID && !is_said {
                is_said = true;
                notes.say(&format!(
                    "waiting for another command to finish with the store {}",
                    text::path(folder)
                ));
            }
            if wait.is_some_and(|wait| start.elapsed() >= wait) {
                bail!(
                    "the store {} is in use by another command or program; --wait says how long to wait for it",
                    text::path(folder)
                );
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Does something with the host, which must be open.
    pub(crate) fn with_host<R>(&self, operation: impl FnOnce(&mut EmbeddedIc) -> R) -> Result<R> {
        let mut state = self.state();
        Ok(operation(state.host.as_mut().context("the store is not open")?))
    }

    /// Gives the host away, for good.
    pub(crate) fn take(&self) -> Option<EmbeddedIc> {
        self.state().host.take()
    }

    /// Closes the folder, so that other commands can open it. The next call opens it again.
    pub(crate) fn release(&self) {
        let mut state = self.state();
        if let Some(host) = state.host.take()
            && let Err(error) = host.close()
        {
            let failed = format!("cannot close the store {}", text::path(&self.0.folder));
            state.failure = Some(anyhow!(error).context(failed));
        }
    }

    /// Why the folder could not be opened or closed, which says more than the call that failed by it.
    pub(crate) fn take_failure(&self) -> Option<anyhow::Error> {
        self.state().failure.take()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The host keeps its own account of failures and refuses to go on after one.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call(
        &self,
        call: impl FnOnce(&mut EmbeddedIc, Principal) -> Result<Vec<u8>, CallError>,
    ) -> Result<Vec<u8>, TransportError> {
        // The call keeps this thread to itself; between calls, Ctrl-C shall be heard.
        yield_now().await;
        if let Err(error) = self.open().await {
            let message = format!("{error:#}");
            self.state().failure = Some(error);
            return Err(TransportError::Host { message, hint: "Nothing has changed." });
        }
        let mut state = self.state();
        let State { host: Some(host), owner: Some(owner), .. } = &mut *state else {
            let message = "the store is not open".to_owned();
            return Err(TransportError::Host { message, hint: "Nothing has changed." });
        };
        Ok(call(host, *owner)?)
    }
}

impl std::fmt::Debug for FolderTransport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("FolderTransport").field("folder", &self.0.folder).finish_non_exhaustive()
    }
}

impl Transport for FolderTransport {
    async fn update(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.call(|host, owner| Ok(host.update(owner, method, &arg)?.bytes)).await
    }

    async fn query(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.call(|host, owner| Ok(host.query(owner, method, &arg)?.bytes)).await
    }

    /// The store's owner, once the folder has been opened.
    fn caller(&self) -> Option<Principal> {
        self.state().owner
    }
}

/// The commands that wait for a folder, in the order in which they came: the system keeps it among those that wait for the
/// lock of one file, here of the folder itself.
struct Queue {
    /// Locked while this command is first.
    first: Option<File>,
    waiting: Option<oneshot::Receiver<Option<File>>>,
}

impl Queue {
    fn enter(folder: &Path) -> Self {
        // Where a folder cannot be locked, those who wait look all at once, and who is lucky is next.
        let Ok(file) = File::open(folder) else { return Self { first: None, waiting: None } };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let (locked, waiting) = oneshot::channel();
                // A thread that the process need not wait for when it ends before its turn.
                thread::spawn(move || locked.send(file.lock().is_ok().then_some(file)));
                Self { first: None, waiting: Some(waiting) }
            }
            _ => Self { first: Some(file), waiting: None },
        }
    }

    fn is_first(&mut self) -> bool {
        if let Some(waiting) = &mut self.waiting {
            match waiting.try_recv() {
                Ok(first) => (self.first, self.waiting) = (first, None),
                Err(oneshot::error::TryRecvError::Empty) => return false,
                Err(oneshot::error::TryRecvError::Closed) => self.waiting = None,
            }
        }
        true
    }
}

/// Refuses to wait for a folder that is served: that may be for ever, and there is another way.
fn refuse_served(folder: &Path) -> Result<()> {
    let Some(served::At { url, canister }) = served::at(folder) else { return Ok(()) };
    bail!(
        "the store {} is being served at {url}, where its canister can be called: storage --network {url} --canister \
         {canister} --identity NAME|PEM|anonymous …",
        text::path(folder)
    )
}

/// Makes sure that there may be a store in a folder, without opening it.
pub(crate) fn look_for(folder: &Path) -> Result<()> {
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot open the store {}", text::path(folder)))
        }
        _ => bail!("{}", no_store(folder)),
    }
}

fn cannot_open(error: HostError, folder: &Path) -> anyhow::Error {
    let shown = text::path(folder);
    let failed = match error {
        HostError::Damaged { .. } => {
            format!(
                "cannot open the store {shown}, which storage --store {} repair looks at",
                text::argument(folder)
            )
        }
        _ => format!("cannot open the store {shown}"),
    };
    anyhow!(error).context(failed)
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

/// Says something that the user has to know although the command goes on.
fn warn(text: &str) {
    notes::say(&format!("storage: warning: {text}"));
}

pub(crate) fn no_store(folder: &Path) -> String {
    format!(
        "there is no store in {}; to make one, run: storage --store {} init",
        text::path(folder),
        text::argument(folder)
    )
}

/// How the host of a store is set up.
pub(crate) fn config(notes: Notes) -> Config {
    let config = match cache::folder() {
        Some(folder) => Config::default().with_compilation_cache(folder),
        None => Config::default(),
    };
    match notes {
        Notes { quiet: false, json: false } => config.with_compilation_notice(|| {
            notes::say(
                "compiling the canister, which takes some seconds; the next command finds it compiled",
            );
        }),
        _ => config,
    }
}

/// The time of this machine, in nanoseconds since 1970.
pub(crate) fn now_ns() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX)
}
