//! The canister in a folder, run by this process. The folder is opened for the first call and released while no call is made.

use std::{
    fs::{self, File, TryLockError},
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, anyhow};
use candid::Principal;
use embedded_ic::{CallError, Config, EmbeddedIc, HostError};
use storage_client::{Transport, TransportError};
use tokio::{sync::oneshot, task::yield_now, time::Instant};

use crate::{
    cache,
    failure::{add_help, print_warning, with_help},
    notes::{self, Notes},
    served, text, time,
};

/// How long a command waits without a note.
const UNSAID: Duration = Duration::from_secs(1);
/// How far the store's clock may be ahead of the machine's before it is set back.
const SKEW: Duration = Duration::from_secs(60);
/// Interval at which the lock is tried again.
const PAUSE: Duration = Duration::from_millis(10);

/// Calls the canister in a folder as its controller. Clones call the same canister.
#[derive(Clone)]
pub(crate) struct FolderTransport(Arc<Shared>);

struct Shared {
    folder: PathBuf,
    /// Time to wait for other commands.
    wait: Option<Duration>,
    notes: Notes,
    state: Mutex<State>,
    /// Held while the folder is opened, so that concurrent calls open it once.
    opening: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    host: Option<EmbeddedIc>,
    owner: Option<Principal>,
    /// Error of opening or closing the folder, until it is taken.
    failure: Option<anyhow::Error>,
}

impl FolderTransport {
    /// Prepares opening a folder. A command waits for others that have it open, for this time or without limit.
    pub(crate) fn new(folder: &Path, wait: Option<Duration>, notes: Notes) -> Self {
        let state = Mutex::default();
        let opening = tokio::sync::Mutex::default();
        Self(Arc::new(Shared { folder: folder.to_owned(), wait, notes, state, opening }))
    }

    /// Opens the folder unless it is open.
    pub(crate) async fn open(&self) -> Result<()> {
        let _turn = self.0.opening.lock().await;
        if self.state().host.is_some() {
            return Ok(());
        }
        let mut host = self.open_in_turn().await?;
        let folder = &self.0.folder;
        if !host.is_installed() {
            return Err(no_store(folder));
        }
        let owner = *host.controllers().first().context("the store's canister has no controller")?;
        let mut state = self.state();
        // Once is enough for a command that opens the folder several times.
        if state.owner.is_none() {
            host.notices().iter().for_each(|notice| warn(&notice.to_string()));
        }
        set_clock(&mut host, now_ns());
        (state.host, state.owner) = (Some(host), Some(owner));
        Ok(())
    }

    /// Opens the folder when earlier commands have finished with it.
    async fn open_in_turn(&self) -> Result<EmbeddedIc> {
        let Shared { folder, wait, notes, .. } = &*self.0;
        let start = Instant::now();
        let mut is_said = false;
        // The first in the queue polls the folder's lock; all others wait for the queue.
        let mut queue = Queue::enter(folder);
        loop {
            if queue.is_first() {
                match EmbeddedIc::open_dir(folder, config(*notes)) {
                    Ok(host) => return Ok(host),
                    Err(HostError::FolderInUse { .. }) => refuse_served(folder)?,
                    Err(HostError::NotAFolder { .. }) => return Err(no_store(folder)),
                    Err(error) => return Err(cannot_open(error, folder)),
                }
            }
            if start.elapsed() >= UNSAID && !is_said {
                is_said = true;
                notes.say(&format!(
                    "waiting for another command that has the store {} open",
                    text::path(folder)
                ));
            }
            if wait.is_some_and(|wait| start.elapsed() >= wait) {
                return Err(with_help(
                    format!("the store {} is in use by another program", text::path(folder)),
                    "wait longer with --wait TIME",
                ));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Runs an operation on the host, which must be open.
    pub(crate) fn with_host<R>(&self, operation: impl FnOnce(&mut EmbeddedIc) -> R) -> Result<R> {
        let mut state = self.state();
        Ok(operation(state.host.as_mut().context("the store is not open")?))
    }

    /// Returns the host, which this transport no longer uses.
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

    /// Takes the error of opening or closing the folder, which explains the failed call.
    pub(crate) fn take_failure(&self) -> Option<anyhow::Error> {
        self.state().failure.take()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The host records its own failures and refuses to continue after one.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call(
        &self,
        call: impl FnOnce(&mut EmbeddedIc, Principal) -> Result<Vec<u8>, CallError>,
    ) -> Result<Vec<u8>, TransportError> {
        // A call blocks this thread; between calls, Ctrl-C must be handled.
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

    /// Returns the store's owner, once the folder has been opened.
    fn caller(&self) -> Option<Principal> {
        self.state().owner
    }
}

/// Queue of the commands that wait for a folder, in order of arrival: the system queues those that wait for the lock of a
/// file, here of the folder itself.
struct Queue {
    /// Locked while this command is first.
    first: Option<File>,
    waiting: Option<oneshot::Receiver<Option<File>>>,
}

impl Queue {
    fn enter(folder: &Path) -> Self {
        // If a folder cannot be locked, all waiting commands poll, and any of them can be next.
        let Ok(file) = File::open(folder) else { return Self { first: None, waiting: None } };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let (locked, waiting) = oneshot::channel();
                // The process can end without waiting for this thread.
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

/// Returns an error if the folder is served: waiting could take forever, and the store can be called there.
fn refuse_served(folder: &Path) -> Result<()> {
    let Some(served::At { url, canister }) = served::at(folder) else { return Ok(()) };
    Err(with_help(
        format!("the store {} is being served at {url}", text::path(folder)),
        format!(
            "call it there: storage --network {url} --canister {canister} --identity NAME|PEM|anonymous ..."
        ),
    ))
}

/// Checks that there may be a store in a folder, without opening it.
pub(crate) fn look_for(folder: &Path) -> Result<()> {
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot open the store {}", text::path(folder)))
        }
        _ => Err(no_store(folder)),
    }
}

fn cannot_open(error: HostError, folder: &Path) -> anyhow::Error {
    let shown = text::path(folder);
    let failed = format!("cannot open the store {shown}");
    match error {
        HostError::Damaged { .. } => {
            let help = format!("check it with: storage --store {} repair", text::argument(folder));
            add_help(error, failed, help)
        }
        _ => anyhow!(error).context(failed),
    }
}

/// Sets the store's clock to that of the machine. A small lead is waited out. A larger one is set back: otherwise a clock
/// that was once wrong would stay wrong, and nothing would expire.
fn set_clock(host: &mut EmbeddedIc, now_ns: u64) {
    let ahead = Duration::from_nanos(host.time_ns().saturating_sub(now_ns));
    if ahead > SKEW {
        let then = time::rfc3339(host.time_ns());
        warn(&format!("the store's clock was at {then} and was set back to this machine's"));
        host.set_time_ns(now_ns);
    } else {
        host.set_time_ns(host.time_ns().max(now_ns));
    }
}

/// Prints a warning.
fn warn(text: &str) {
    print_warning(text);
}

pub(crate) fn no_store(folder: &Path) -> anyhow::Error {
    with_help(
        format!("there is no store in {}", text::path(folder)),
        format!("create one with: storage --store {} init", text::argument(folder)),
    )
}

/// Returns the configuration of a store's host.
pub(crate) fn config(notes: Notes) -> Config {
    let config = match cache::folder() {
        Some(folder) => Config::default().with_compilation_cache(folder),
        None => Config::default(),
    };
    match notes {
        Notes { quiet: false, json: false } => config.with_compilation_notice(|| {
            notes::say("compiling the canister, once; this takes some seconds");
        }),
        _ => config,
    }
}

/// Returns the time of this machine, in nanoseconds since 1970.
pub(crate) fn now_ns() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX)
}
