//! The upload that the parts of an object share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use object_store::Result;
use stable_storage_api::{Error as Reason, UploadArgs};
use storage_client::{Client, ClientError, Transport};

use crate::error::{generic, of_call};

/// An upload that is opened when its identifier is needed first, and only once.
///
/// The call that opens it belongs to no part: every part that waits for it polls it, and so does an abort. So the identifier
/// becomes known also if the part that made the call is dropped or no longer polled, and the upload can be aborted.
pub(crate) struct SharedUpload<T> {
    client: Arc<Client<T>>,
    args: UploadArgs,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    opening: Option<Opening>,
    end: Option<End>,
}

/// A call that opens an upload, and its outcome.
type Opening = Shared<BoxFuture<'static, std::result::Result<u64, Arc<ClientError>>>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Completed,
    Aborted,
}

impl<T: Transport + 'static> SharedUpload<T> {
    /// Prepares an upload. No call is made.
    pub(crate) fn new(client: Arc<Client<T>>, args: UploadArgs) -> Self {
        Self { client, args, state: Mutex::default() }
    }

    /// Returns the identifier of the upload, and opens it if that was not done before. If it cannot be opened, every part that
    /// needs it has the same error.
    ///
    /// # Errors
    /// The upload has ended, or could not be opened.
    pub(crate) async fn id(&self) -> Result<u64> {
        let opening = self.opening()?;
        opening.await.map_err(|error| of_call(&self.args.key, error))
    }

    fn opening(&self) -> Result<Opening> {
        let mut state = self.state();
        check(&state)?;
        let open = || {
            let (client, args) = (Arc::clone(&self.client), self.args.clone());
            let opened = async move { client.create_upload(&args).await.map(|upload| upload.id) };
            opened.map(|opened| opened.map_err(Arc::new)).boxed().shared()
        };
        Ok(state.opening.get_or_insert_with(open).clone())
    }

    /// Aborts the upload. It is no longer opened from here on; a call that opens it at present is waited for.
    ///
    /// # Errors
    /// The upload was completed, or it may be open: it could not be aborted, or the call that opened it had no reply.
    pub(crate) async fn abort(&self) -> Result<()> {
        let Some(opening) = self.end_with_abort()? else { return Ok(()) };
        let key = &self.args.key;
        match opening.await {
            Ok(id) => match self.client.abort_upload(id).await {
                // An earlier abort had no reply, or the upload has expired.
                Err(error) if error.storage_error() == Some(&Reason::NotFound) => {}
                aborted => aborted.map_err(|error| of_call(key, error))?,
            },
            Err(error) if matches!(*error, ClientError::Transport { .. }) => return Err(of_call(key, error)),
            Err(_) => {}
        }
        self.state().opening = None;
        Ok(())
    }

    fn end_with_abort(&self) -> Result<Option<Opening>> {
        let mut state = self.state();
        if state.end != Some(End::Aborted) {
            check(&state)?;
        }
        state.end = Some(End::Aborted);
        Ok(state.opening.clone())
    }
}

impl<T> SharedUpload<T> {
    /// Returns the arguments that the upload is opened with.
    pub(crate) fn args(&self) -> &UploadArgs {
        &self.args
    }

    /// Returns the identifier of the upload, if it is open.
    pub(crate) fn opened(&self) -> Option<u64> {
        self.state().opening.as_ref()?.peek()?.as_ref().ok().copied()
    }

    /// Returns an error if the upload was completed or aborted.
    pub(crate) fn check_open(&self) -> Result<()> {
        check(&self.state())
    }

    /// Marks the upload as completed.
    pub(crate) fn end_with_commit(&self) {
        self.state().end = Some(End::Completed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(state: &State) -> Result<()> {
    match state.end {
        None => Ok(()),
        Some(End::Completed) => Err(generic("the upload has been completed")),
        Some(End::Aborted) => Err(generic("the upload has been aborted")),
    }
}
