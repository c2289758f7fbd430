//! Ctrl-C, and the signals by which the system or another program ends a command: SIGTERM and SIGHUP.

use std::{
    fs, process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use crate::{
    failure::{self, Interrupted},
    signal_number,
};

/// How long a command may take to stop. One that waits for a terminal or a pipe would never stop.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How long a command may take to complete a step that it has begun. A second Ctrl-C ends it immediately.
const COMPLETION_TIMEOUT: Duration = Duration::from_secs(60);

/// Records whether the user has pressed Ctrl-C, or another signal has interrupted the command.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt {
    pressed: watch::Receiver<bool>,
    is_taken_over: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens in a separate thread, also while a command computes or waits. When this returns, the handler is set.
    pub(crate) fn listen() -> Self {
        let (pressed, receiver) = watch::channel(false);
        let (setting, is_set) = mpsc::channel::<()>();
        let interrupt = Self { pressed: receiver, is_taken_over: Arc::default() };
        let is_taken_over = Arc::clone(&interrupt.is_taken_over);
        thread::spawn(move || {
            let Ok(runtime) = runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(async {
                let (mut ctrl_c, mut others) = (Handler::set(SignalKind::interrupt()), others());
                drop(setting);
                let [terminated, hung_up] = &mut others;
                let kind = tokio::select! {
                    () = ctrl_c.received() => ctrl_c.kind,
                    () = terminated.received() => terminated.kind,
                    () = hung_up.received() => hung_up.kind,
                };
                signal_number::record(kind.as_raw_value());
                pressed.send_replace(true);
                let patience =
                    if is_taken_over.load(Ordering::Relaxed) { COMPLETION_TIMEOUT } else { TIMEOUT };
                // Only the user can be impatient: `timeout`, a shell or systemd may send a signal twice.
                tokio::select! {
                    () = tokio::time::sleep(patience) => {}
                    () = ctrl_c.received() => {}
                }
                failure::report(&Interrupted.into());
                process::exit(signal_number::exit_code().into());
            });
        });
        // The sender is dropped when the handler is set, or cannot be.
        let _ = is_set.recv();
        interrupt
    }

    /// Creates one that is pressed by setting the value.
    #[cfg(test)]
    pub(crate) fn manual() -> (watch::Sender<bool>, Self) {
        let (pressed, receiver) = watch::channel(false);
        (pressed, Self { pressed: receiver, is_taken_over: Arc::default() })
    }

    /// Waits for Ctrl-C.
    pub(crate) async fn wait(&self) {
        if self.pressed.clone().wait_for(|pressed| *pressed).await.is_err() {
            // The listener is gone.
            std::future::pending::<()>().await;
        }
    }

    /// Returns whether Ctrl-C has been pressed.
    pub(crate) fn is_pressed(&self) -> bool {
        *self.pressed.borrow()
    }

    /// Lets the command handle Ctrl-C itself, to complete a step that it has begun.
    pub(crate) fn take_over(&self) {
        self.is_taken_over.store(true, Ordering::Relaxed);
    }

    /// Waits for Ctrl-C and a moment longer, so that other work can handle it first.
    pub(crate) async fn wait_a_turn(&self) {
        self.wait().await;
        tokio::task::yield_now().await;
    }

    /// Waits for a Ctrl-C that the command does not handle itself.
    pub(crate) async fn wait_for_it(&self) {
        self.wait_a_turn().await;
        if self.is_taken_over.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

/// Handler of a signal.
struct Handler {
    kind: SignalKind,
    signal: Option<Signal>,
}

impl Handler {
    /// Sets a handler. If that is not possible, the signal ends the process as usual.
    fn set(kind: SignalKind) -> Self {
        Self { kind, signal: signal(kind).ok() }
    }

    /// Waits for the signal.
    async fn received(&mut self) {
        match &mut self.signal {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}

/// Returns the handlers of SIGTERM and SIGHUP. A signal that is ignored, as SIGHUP under `nohup`, stays ignored.
fn others() -> [Handler; 2] {
    let ignored = ignored_signals();
    [SignalKind::terminate(), SignalKind::hangup()].map(|kind| match is_in(ignored, kind) {
        true => Handler { kind, signal: None },
        false => Handler::set(kind),
    })
}

/// Returns the signals that this process ignores, one in each bit. Only Linux lists them.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

fn is_in(signals: u64, kind: SignalKind) -> bool {
    let bit = u32::try_from(kind.as_raw_value() - 1).ok();
    bit.and_then(|bit| signals.checked_shr(bit)).is_some_and(|signals| signals & 1 == 1)
}
