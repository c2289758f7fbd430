//! Ctrl-C.

use std::{process, thread, time::Duration};

use tokio::{runtime, sync::watch};

use crate::failure::{self, Interrupted, exit_code};

/// How long a command may take to end by itself. One that waits for a terminal or a pipe never would.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells whether the user has pressed Ctrl-C.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens, in a thread of its own, so that it hears also while a command computes or waits.
    pub(crate) fn listen() -> Self {
        let (pressed, receiver) = watch::channel(false);
        thread::spawn(move || {
            let Ok(runtime) = runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(async {
                // Where no handler can be set, Ctrl-C ends the process as it always did.
                if tokio::signal::ctrl_c().await.is_err() {
                    return pressed.closed().await;
                }
                pressed.send_replace(true);
                tokio::select! {
                    () = tokio::time::sleep(PATIENCE) => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
                failure::report(&Interrupted.into());
                process::exit(exit_code::INTERRUPTED.into());
            });
        });
        Self(receiver)
    }

    /// Waits for Ctrl-C.
    pub(crate) async fn wait(&self) {
        if self.0.clone().wait_for(|pressed| *pressed).await.is_err() {
            // Nobody listens any more.
            std::future::pending::<()>().await;
        }
    }
}
