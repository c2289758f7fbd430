//! `ListObjects` and `ListObjectsV2`.

use s3s::{
    S3Result,
    dto::{
        CommonPrefix, EncodingType, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
        ListObjectsV2Output, Object, ObjectStorageClass, Owner,
    },
    s3_error,
};
use stable_storage_api::{ListArgs, ObjectInfo, limits::MAX_PAGE_ITEMS};
use storage_client::Transport;

use crate::{error::of_call, etag, headers::timestamp, keys, store::Store};

/// Identifier and name of the owner.
const OWNER: &str = "storage";

/// A page of a bucket. Names are without the bucket, and encoded as the client asks.
#[derive(Default)]
struct Page {
    objects: Vec<Object>,
    prefixes: Vec<CommonPrefix>,
    /// The full key after which the next page starts.
    next: Option<String>,
}

/// What both versions of the operation ask for.
struct Request<'r> {
    bucket: &'r str,
    prefix: &'r str,
    delimiter: Option<&'r str>,
    /// The name after which the page starts.
    after: Option<String>,
    max_keys: Option<i32>,
    encoding: Encoding,
    /// Whether objects are listed with their owner.
    with_owner: bool,
}

/// How names are written.
#[derive(Clone, Copy)]
pub(crate) enum Encoding {
    Plain,
    Url,
}

impl Encoding {
    /// Returns the encoding that a client asks for.
    pub(crate) fn of(encoding: Option<&EncodingType>) -> S3Result<Self> {
        match encoding.map(EncodingType::as_str) {
            None => Ok(Self::Plain),
            Some(EncodingType::URL) => Ok(Self::Url),
            Some(other) => Err(s3_error!(InvalidArgument, "the encoding type is {other:?}, and may be url")),
        }
    }

    /// Writes a name.
    pub(crate) fn text(self, name: &str) -> String {
        match self {
            Self::Plain => name.to_owned(),
            Self::Url => name.bytes().fold(String::new(), |mut text, byte| {
                match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                        text.push(byte.into());
                    }
                    byte => text.push_str(&format!("%{byte:02X}")),
                }
                text
            }),
        }
    }
}

impl Request<'_> {
    fn limit(&self) -> S3Result<u32> {
        let limit = self.max_keys.map_or(Ok(MAX_PAGE_ITEMS), u32::try_from);
        limit
            .map(|limit| limit.min(MAX_PAGE_ITEMS))
            .map_err(|_| s3_error!(InvalidArgument, "max-keys is negative"))
    }

    async fn page<T: Transport>(&self, store: &Store<T>) -> S3Result<Page> {
        store.require_bucket(self.bucket).await?;
        let limit = self.limit()?;
        if limit == 0 {
            return Ok(Page::default());
        }
        let bucket = keys::bucket_prefix(self.bucket);
        // Without a start, the page starts after the marker of the bucket.
        let after = format!("{bucket}{}", self.after.as_deref().unwrap_or_default());
        let args = ListArgs {
            start_after: Some(after),
            delimiter: self.delimiter.map(str::to_owned),
            ..ListArgs::prefix(format!("{bucket}{}", self.prefix)).limited(limit)
        };
        let page = store.client().list(&args).await.map_err(of_call)?;
        let name = |key: &str| self.encoding.text(keys::object_name(self.bucket, key));
        let prefix = |prefix: &String| CommonPrefix { prefix: Some(name(prefix)) };
        let owner = self.with_owner.then(owner);
        let object = |info: &ObjectInfo| Object { owner: owner.clone(), ..object(name(&info.key), info) };
        Ok(Page {
            objects: page.objects.iter().map(object).collect(),
            prefixes: page.prefixes.iter().map(prefix).collect(),
            next: page.next,
        })
    }
}

/// Returns the owner of everything: a gateway has no accounts.
pub(crate) fn owner() -> Owner {
    Owner { display_name: Some(OWNER.to_owned()), id: Some(OWNER.to_owned()) }
}

fn object(name: String, info: &ObjectInfo) -> Object {
    Object {
        e_tag: Some(etag::of(info)),
        key: Some(name),
        last_modified: Some(timestamp(info.modified_ns)),
        size: i64::try_from(info.size).ok(),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        ..Default::default()
    }
}

/// Returns a page of a bucket, the first version of the operation.
pub(crate) async fn list<T: Transport>(
    store: &Store<T>,
    input: ListObjectsInput,
) -> S3Result<ListObjectsOutput> {
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let request = Request {
        bucket: &input.bucket,
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty()),
        after: input.marker.clone(),
        max_keys: input.max_keys,
        encoding,
        // As in S3, where only the second version has a parameter for it.
        with_owner: true,
    };
    let page = request.page(store).await?;
    let next = page.next.as_deref().map(|next| keys::object_name(&input.bucket, next));
    Ok(ListObjectsOutput {
        is_truncated: Some(next.is_some()),
        next_marker: next.map(|next| encoding.text(next)),
        contents: Some(page.objects),
        common_prefixes: Some(page.prefixes),
        max_keys: Some(i32::try_from(request.limit()?).unwrap_or(i32::MAX)),
        delimiter: request.delimiter.map(|delimiter| encoding.text(delimiter)),
        prefix: Some(encoding.text(request.prefix)),
        marker: Some(encoding.text(input.marker.as_deref().unwrap_or_default())),
        encoding_type: input.encoding_type.clone(),
        name: Some(input.bucket),
        ..Default::default()
    })
}

/// Returns a page of a bucket, the second version of the operation.
pub(crate) async fn list_v2<T: Transport>(
    store: &Store<T>,
    input: ListObjectsV2Input,
) -> S3Result<ListObjectsV2Output> {
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let token = input.continuation_token.as_deref().map(decode).transpose()?;
    let request = Request {
        bucket: &input.bucket,
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty()),
        after: token.or_else(|| input.start_after.clone()),
        max_keys: input.max_keys,
        encoding,
        with_owner: input.fetch_owner.unwrap_or_default(),
    };
    let page = request.page(store).await?;
    let next = page.next.as_deref().map(|next| hex::encode(keys::object_name(&input.bucket, next)));
    let count = page.objects.len() + page.prefixes.len();
    Ok(ListObjectsV2Output {
        is_truncated: Some(next.is_some()),
        next_continuation_token: next,
        key_count: i32::try_from(count).ok(),
        contents: Some(page.objects),
        common_prefixes: Some(page.prefixes),
        max_keys: Some(i32::try_from(request.limit()?).unwrap_or(i32::MAX)),
        delimiter: request.delimiter.map(|delimiter| encoding.text(delimiter)),
        prefix: Some(encoding.text(request.prefix)),
        start_after: input.start_after.as_deref().map(|after| encoding.text(after)),
        continuation_token: input.continuation_token,
        encoding_type: input.encoding_type,
        name: Some(input.bucket),
        ..Default::default()
    })
}

/// Returns the name in a continuation token.
pub(crate) fn decode(token: &str) -> S3Result<String> {
    let name = hex::decode(token)
        .ok()
        .filter(|name| !name.is_empty())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| s3_error!(InvalidArgument, "the continuation token is not one of this server"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_for_urls() {
        assert_eq!(Encoding::Url.text("a b/ä\u{1}~.txt"), "a%20b/%C3%A4%01~.txt");
        assert_eq!(Encoding::Plain.text("a b"), "a b");
        assert!(Encoding::of(Some(&EncodingType::from_static("base64"))).is_err());
        assert!(decode("").is_err() && decode("zz").is_err() && decode("ff").is_err());
        assert_eq!(decode(&hex::encode("a/b")).unwrap(), "a/b");
    }
}
