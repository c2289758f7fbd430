//! Reading objects and ranges of them.

use std::{num::NonZeroUsize, ops::Range, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{
    GetOptions, GetRange, GetResult, GetResultPayload, OBJECT_STORE_COALESCE_DEFAULT, Result,
    coalesce_ranges, collect_bytes, path::Path,
};
use stable_storage_api::{Error, Object, ObjectInfo, limits::MAX_REPLY_BYTES};
use storage_client::{Client, Transport, transfer::read_stream};

use crate::{
    attributes::attributes,
    error::{generic, of_call, of_transfer, precondition},
    meta::meta,
};

/// Number of pieces of one object that are requested at the same time.
const CONCURRENCY: NonZeroUsize = NonZeroUsize::new(4).expect("four is not zero");

/// Returns an object, or a range of it, if the conditions hold.
pub(crate) async fn get<T: Transport + 'static>(
    client: &Arc<Client<T>>,
    location: &Path,
    options: GetOptions,
) -> Result<GetResult> {
    let key = location.as_ref();
    let (info, value) = match options.range.is_none() && !options.head {
        true => whole(client, key).await?,
        false => (stat(client, key).await?, None),
    };
    let meta = meta(location.clone(), &info);
    options.check_preconditions(&meta)?;
    if let Some(version) = &options.version {
        return Err(precondition(key, format!("version {version}: older versions are not kept")));
    }
    let range = match &options.range {
        Some(range) => range.as_range(info.size).map_err(generic)?,
        None => 0..info.size,
    };
    let attributes = attributes(&info);
    let payload = match (options.head, value) {
        (true, _) => stream::empty().boxed(),
        (false, Some(value)) => stream::once(async move { Ok(Bytes::from(value)) }).boxed(),
        (false, None) => pieces(Arc::clone(client), Arc::new(info), range.clone()),
    };
    let payload = GetResultPayload::Stream(payload);
    Ok(GetResult { payload, meta, range, attributes, extensions: Default::default() })
}

/// The most bytes that are reserved before the first ones of a range have arrived.
const MAX_RESERVED_BYTES: u64 = 64 << 20;

/// Returns ranges of one version of an object. Ranges that are close to each other are read together. A range that exceeds the
/// object is cut at its end; one that is empty or begins after the last byte is an error.
pub(crate) async fn ranges<T: Transport + 'static>(
    client: &Arc<Client<T>>,
    location: &Path,
    ranges: &[Range<u64>],
) -> Result<Vec<Bytes>> {
    let key = location.as_ref();
    let info = Arc::new(stat(client, key).await?);
    let within = |range: &Range<u64>| GetRange::Bounded(range.clone()).as_range(info.size).map_err(generic);
    let ranges = ranges.iter().map(within).collect::<Result<Vec<_>>>()?;
    let fetch = |range: Range<u64>| {
        let pieces = pieces(Arc::clone(client), Arc::clone(&info), range.clone());
        let reserved = (range.end - range.start).min(MAX_RESERVED_BYTES);
        async move { collect_bytes(pieces, Some(reserved)).await }
    };
    coalesce_ranges(&ranges, fetch, OBJECT_STORE_COALESCE_DEFAULT).await
}

/// Returns the metadata of an object.
pub(crate) async fn stat<T: Transport>(client: &Client<T>, key: &str) -> Result<ObjectInfo> {
    client.stat_confirmed(key).await.map_err(|error| of_call(key, error))
}

/// Returns the metadata of an object, and its value if it was read in the same call.
async fn whole<T: Transport>(client: &Client<T>, key: &str) -> Result<(ObjectInfo, Option<Vec<u8>>)> {
    match client.get_with_info(key).await {
        Ok(Object { info, value }) => Ok((info, Some(value.into_vec()))),
        Err(error) => match error.storage_error() {
            // It is read in pieces, or a node that lags has not seen it yet.
            Some(Error::TooLarge { .. } | Error::NotFound) => Ok((stat(client, key).await?, None)),
            _ => Err(of_call(key, error)),
        },
    }
}

fn pieces<T: Transport + 'static>(
    client: Arc<Client<T>>,
    info: Arc<ObjectInfo>,
    range: Range<u64>,
) -> stream::BoxStream<'static, Result<Bytes>> {
    let key = info.key.clone();
    // A range of one piece does not need more.
    let concurrency =
        if range.end - range.start <= MAX_REPLY_BYTES { NonZeroUsize::MIN } else { CONCURRENCY };
    read_stream(client, info, range, concurrency)
        .map_ok(Bytes::from)
        .map_err(move |error| of_transfer(&key, error))
        .boxed()
}
