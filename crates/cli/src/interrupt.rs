//! Ctrl-C.

use std::{
    process,
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
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::failure::{self, Interrupted, exit_code};

/// How long a command may take to stop. One that waits for a terminal or a pipe would never stop.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How long a command may take to complete a step that it has begun. A second Ctrl-C ends it immediately.
const COMPLETION_TIMEOUT: Duration = Duration::from_secs(60);

/// Records whether the user has pressed Ctrl-C.
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
                let handler = signal(SignalKind::interrupt());
                drop(setting);
                // If no handler can be set, Ctrl-C ends the process as usual.
                let Ok(mut ctrl_c) = handler else { return pressed.closed().await };
                ctrl_c.recv().await;
                pressed.send_replace(true);
                let patience =
                    if is_taken_over.load(Ordering::Relaxed) { COMPLETION_TIMEOUT } else { TIMEOUT };
                tokio::select! {
                    () = tokio::time::sleep(patience) => {}
                    _ = ctrl_c.recv() => {}
                }
                failure::report(&Interrupted.into());
                process::exit(exit_code::INTERRUPTED.into());
            });
        });
        // The sender is dropped when the handler is set, or cannot be.
        let _ = is_set.recv();
        interrupt
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
