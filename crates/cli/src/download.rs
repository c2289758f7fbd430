//! Reading an object, with errors that name it.

use std::io::Write;

use anyhow::{Error as AnyError, Result, anyhow};
use stable_storage_api::{Error, ListArgs, ObjectInfo};
use storage_client::{ClientError, Progress, TransferError};

use crate::{
    context::Context,
    failure::{NotFound, NotText, add_help, with_help},
    proof,
    store::StoreClient,
};

/// Writes an object to a sink. With a verifier in the context, what is written is proven.
pub(crate) async fn download(
    client: &StoreClient,
    context: &Context,
    key: &str,
    sink: &mut impl Write,
    progress: &dyn Progress,
) -> Result<ObjectInfo> {
    let options = context.transfer(progress);
    let downloaded = match &context.verifier {
        None => client.download(key, sink, options).await,
        Some(verifier) => match client.verified(verifier).download(key, sink, options).await {
            Ok(downloaded) => Ok(downloaded),
            Err(error) => Err(proof::of_transfer(error)?),
        },
    };
    match downloaded {
        Ok(downloaded) => Ok(downloaded.info),
        Err(TransferError::Client(error)) => match error.storage_error() {
            Some(Error::RevisionMismatch { .. }) => {
                Err(with_help(format!("{key:?} was overwritten while it was read"), "run the command again"))
            }
            _ => Err(missing(client, error, key, "fetch the folder with -r of get or cp").await),
        },
        Err(error @ TransferError::WrongDigest { .. }) => {
            Err(add_help(error, format!("the object under {key:?} is corrupt"), "store it again"))
        }
        Err(TransferError::Write { error, .. })
            if error.get_ref().is_some_and(|error| error.is::<NotText>()) =>
        {
            Err(AnyError::new(error).context(format!("cannot show {key:?}")))
        }
        Err(error) => Err(error.into()),
    }
}

/// Returns an error that names the key that was not found. If a folder has the name, `help` states what can be done with it.
pub(crate) async fn missing(
    client: &StoreClient,
    error: ClientError,
    key: &str,
    help: &str,
) -> anyhow::Error {
    match error.storage_error() {
        // If this cannot be determined, the original error is reported.
        Some(Error::NotFound) if is_folder(client, key).await.unwrap_or(false) => {
            NotFound::but_folder(key, help).into()
        }
        _ => explain(error, key),
    }
}

/// Returns what a call has found, and `None` if it was not there.
pub(crate) fn found<T>(result: Result<T, ClientError>) -> Result<Option<T>, ClientError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.storage_error() == Some(&Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns whether there is an object in a folder with this name, which may end with a slash.
pub(crate) async fn is_folder(client: &StoreClient, name: &str) -> Result<bool, ClientError> {
    let prefix = if name.ends_with('/') { name.to_owned() } else { format!("{name}/") };
    let page = client.list(&ListArgs::prefix(prefix).limited(1)).await?;
    Ok(!page.objects.is_empty())
}

/// Returns an error that names the key that was not found.
pub(crate) fn explain(error: ClientError, key: &str) -> anyhow::Error {
    match error.storage_error() {
        Some(Error::NotFound) => anyhow!(NotFound::object(key)),
        _ => error.into(),
    }
}
