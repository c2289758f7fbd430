//! Listing and deleting objects.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use futures_util::{StreamExt, TryStreamExt, future, stream, stream::BoxStream};
use object_store::{
    Error, ListResult, ObjectMeta, Result,
    list::{PaginatedListOptions, PaginatedListResult},
    path::Path,
};
use stable_storage_api::{DeleteArgs, ListArgs, ObjectInfo, limits::MAX_BATCH_ITEMS};
use storage_client::{Client, Transport};

use crate::{
    error::{generic, of_call},
    meta::{meta, path},
};

/// Separates the segments of a path.
const DELIMITER: &str = "/";

/// Returns the prefix of all keys under a path: its text and a delimiter.
fn key_prefix(prefix: Option<&Path>) -> String {
    match prefix.map(AsRef::as_ref) {
        None | Some("") => String::new(),
        Some(prefix) => format!("{prefix}{DELIMITER}"),
    }
}

/// Lists all objects under a path, only those after `start_after` if there is one.
pub(crate) fn list<T: Transport + 'static>(
    client: Arc<Client<T>>,
    prefix: Option<&Path>,
    start_after: Option<String>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let first = ListArgs { start_after, ..ListArgs::prefix(key_prefix(prefix)) };
    let pages = stream::try_unfold(Some(first), move |args| {
        let client = Arc::clone(&client);
        async move {
            let Some(args) = args else { return Ok(None) };
            let page = client.list(&args).await.map_err(|error| of_call(&args.prefix, error))?;
            let next = page.next.map(|next| ListArgs { start_after: Some(next), ..args });
            Ok::<_, Error>(Some((page.objects, next)))
        }
    });
    pages
        .map_ok(|objects| stream::iter(objects).map(Ok))
        .try_flatten()
        .try_filter_map(|info| future::ok(path(&info.key).map(|path| meta(path, &info))))
        .boxed()
}

/// Lists the objects and common prefixes directly under a path.
pub(crate) async fn level<T: Transport>(client: &Client<T>, prefix: Option<&Path>) -> Result<ListResult> {
    let prefix = key_prefix(prefix);
    let level = client.list_level(&prefix, DELIMITER).await.map_err(|error| of_call(&prefix, error))?;
    Ok(result(&level.prefixes, &level.objects))
}

/// Returns a page of the objects whose keys start with a prefix.
pub(crate) async fn page<T: Transport>(
    client: &Client<T>,
    prefix: Option<&str>,
    options: PaginatedListOptions,
) -> Result<PaginatedListResult> {
    let prefix = prefix.unwrap_or_default();
    let limit = options.max_keys.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX));
    let args = ListArgs {
        start_after: options.page_token.or(options.offset),
        limit,
        delimiter: options.delimiter.map(Cow::into_owned).filter(|delimiter| !delimiter.is_empty()),
        ..ListArgs::prefix(prefix)
    };
    let page = client.list(&args).await.map_err(|error| of_call(prefix, error))?;
    Ok(PaginatedListResult { result: result(&page.prefixes, &page.objects), page_token: page.next })
}

/// Returns the prefixes and objects that are paths.
fn result(prefixes: &[String], objects: &[ObjectInfo]) -> ListResult {
    let prefixes =
        prefixes.iter().filter_map(|prefix| path(prefix.strip_suffix(DELIMITER).unwrap_or(prefix)));
    let objects = objects.iter().filter_map(|info| Some(meta(path(&info.key)?, info)));
    ListResult {
        common_prefixes: prefixes.collect(),
        objects: objects.collect(),
        extensions: Default::default(),
    }
}

/// Deletes objects, up to 1,000 with each call. A path without an object is a success.
pub(crate) fn delete<T: Transport + 'static>(
    client: Arc<Client<T>>,
    locations: BoxStream<'static, Result<Path>>,
) -> BoxStream<'static, Result<Path>> {
    locations
        .ready_chunks(MAX_BATCH_ITEMS as usize)
        .then(move |paths| delete_all(Arc::clone(&client), paths))
        .flat_map(stream::iter)
        .boxed()
}

/// Deletes a batch of objects, and returns a result for each in their order.
async fn delete_all<T: Transport>(client: Arc<Client<T>>, paths: Vec<Result<Path>>) -> Vec<Result<Path>> {
    let is_key = |key: &&str| stable_storage_api::check::key(key).is_ok();
    // The keys of one call are different, and a key that is none would fail the others.
    let keys: BTreeSet<&str> = paths.iter().flatten().map(AsRef::as_ref).filter(is_key).collect();
    let deletes: Vec<_> = keys.into_iter().map(DeleteArgs::new).collect();
    let failed = match deletes.is_empty() {
        true => None,
        false => client.delete_many(&deletes).await.err().map(Arc::new),
    };
    let result = |path: Path| match (stable_storage_api::check::key(path.as_ref()), &failed) {
        (Err(error), _) => Err(generic(error)),
        (Ok(()), Some(failed)) => Err(of_batch(path.as_ref(), failed)),
        (Ok(()), None) => Ok(path),
    };
    paths.into_iter().map(|path| path.and_then(result)).collect()
}

/// An error of a call for several objects, for one of them.
fn of_batch(path: &str, error: &Arc<storage_client::ClientError>) -> Error {
    match error.storage_error() {
        Some(stable_storage_api::Error::Unauthorized { .. }) => {
            Error::PermissionDenied { path: path.to_owned(), source: Arc::clone(error).into() }
        }
        _ => generic(Arc::clone(error)),
    }
}
