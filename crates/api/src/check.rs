//! Checks of arguments that need no store.
//!
//! The canister checks every argument. A client runs the same checks before a call, so that an invalid argument is
//! reported where it was made and costs no message.

mod site;

use candid::Principal;

use crate::limits::{
    CHUNK_BYTES, MAX_BATCH_ITEMS, MAX_CONTENT_ENCODING_BYTES, MAX_CONTENT_TYPE_BYTES, MAX_KEY_BYTES,
    MAX_METADATA_BYTES, MAX_METADATA_PAIRS, MAX_PAGE_ITEMS, MAX_PAYLOAD_BYTES, MAX_REPLY_BYTES,
    MAX_STABLE_BYTES, SHA256_BYTES,
};
use crate::{
    Condition, CopyArgs, CopyMetadata, CopySource, DeleteArgs, DeletePrefixArgs, Error, ListArgs,
    MetadataPair, Method, PutArgs, ReadLogArgs, RenameArgs, Result, Role, UploadArgs, UploadEnd,
};

pub use site::{is_field_value, is_token};

/// Checks that a key has 1 to 1,024 bytes.
///
/// # Errors
///
/// [`Error::InvalidArgument`] with the length and the limit.
pub fn key(key: &str) -> Result<()> {
    match key.len() as u64 {
        0 => Err(Error::invalid(format!("the key is empty; a key has 1 to {MAX_KEY_BYTES} bytes"))),
        bytes if bytes > MAX_KEY_BYTES => {
            Err(Error::invalid(format!("the key has {bytes} bytes; a key has 1 to {MAX_KEY_BYTES} bytes")))
        }
        _ => Ok(()),
    }
}

/// Checks that a content type has at most 255 bytes.
///
/// # Errors
///
/// [`Error::InvalidArgument`] with the length and the limit.
pub fn content_type(content_type: Option<&str>) -> Result<()> {
    match content_type.map_or(0, str::len) as u64 {
        bytes if bytes > MAX_CONTENT_TYPE_BYTES => Err(Error::invalid(format!(
            "the content type has {bytes} bytes; at most {MAX_CONTENT_TYPE_BYTES} are allowed"
        ))),
        _ => Ok(()),
    }
}

/// Checks that a content encoding has at most 64 bytes.
///
/// # Errors
///
/// [`Error::InvalidArgument`] with the length and the limit.
pub fn content_encoding(content_encoding: Option<&str>) -> Result<()> {
    match content_encoding.map_or(0, str::len) as u64 {
        bytes if bytes > MAX_CONTENT_ENCODING_BYTES => Err(Error::invalid(format!(
            "the content encoding has {bytes} bytes; at most {MAX_CONTENT_ENCODING_BYTES} are allowed"
        ))),
        _ => Ok(()),
    }
}

/// Checks that user metadata has at most 16 pairs and 2,048 bytes, and that each name has at least one byte and occurs
/// once.
///
/// # Errors
///
/// [`Error::InvalidArgument`] with what is wrong and the limit.
pub fn metadata<'a>(pairs: impl ExactSizeIterator<Item = (&'a str, &'a str)> + Clone) -> Result<()> {
    let count = pairs.len() as u64;
    if count > MAX_METADATA_PAIRS {
        return Err(Error::invalid(format!(
            "the metadata has {count} pairs; at most {MAX_METADATA_PAIRS} are allowed"
        )));
    }
    let bytes: usize = pairs.clone().map(|(name, value)| name.len() + value.len()).sum();
    if bytes as u64 > MAX_METADATA_BYTES {
        return Err(Error::invalid(format!(
            "the metadata has {bytes} bytes; at most {MAX_METADATA_BYTES} are allowed"
        )));
    }
    for (at, (name, _)) in pairs.clone().enumerate() {
        if name.is_empty() {
            return Err(Error::invalid("a name of the metadata is empty; a name has at least 1 byte"));
        }
        if pairs.clone().take(at).any(|(other, _)| other == name) {
            return Err(Error::invalid(format!("the metadata has the name {name:?} twice")));
        }
    }
    Ok(())
}

/// Checks that a SHA-256 has 32 bytes, and returns them.
///
/// # Errors
///
/// [`Error::InvalidArgument`] with the length.
pub fn sha256(digest: &[u8]) -> Result<[u8; SHA256_BYTES as usize]> {
    digest.try_into().map_err(|_| {
        Error::invalid(format!("the SHA-256 has {} bytes; a SHA-256 has {SHA256_BYTES}", digest.len()))
    })
}

/// Checks the SHA-256 of a condition.
///
/// # Errors
///
/// [`Error::InvalidArgument`] with the length.
pub fn condition(condition: Option<&Condition>) -> Result<()> {
    match condition {
        Some(Condition::Sha256(digest)) => sha256(digest).map(drop),
        _ => Ok(()),
    }
}

/// Checks that a value, a log entry or the bytes of a region fit one message.
///
/// # Errors
///
/// [`Error::TooLarge`].
pub fn payload(bytes: usize) -> Result<()> {
    at_most(bytes as u64, MAX_PAYLOAD_BYTES)
}

/// Checks that a chunk of an upload is not longer than [`CHUNK_BYTES`].
///
/// # Errors
///
/// [`Error::TooLarge`].
pub fn chunk(bytes: usize) -> Result<()> {
    at_most(bytes as u64, CHUNK_BYTES)
}

/// Checks that a number of bytes fits one reply.
///
/// # Errors
///
/// [`Error::TooLarge`].
pub fn reply(bytes: u64) -> Result<()> {
    at_most(bytes, MAX_REPLY_BYTES)
}

/// Checks that the encoded argument of an update is not longer than `inspect_message` accepts.
///
/// # Errors
///
/// [`Error::TooLarge`].
pub fn argument(method: &str, bytes: usize) -> Result<()> {
    match Method::named(method) {
        Some(method) => at_most(bytes as u64, method.max_argument_bytes),
        None => Ok(()),
    }
}

/// Checks that a principal can have a role. Any role can be removed.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for the anonymous principal.
pub fn role(who: &Principal, role: Option<Role>) -> Result<()> {
    match role {
        Some(_) if *who == Principal::anonymous() => {
            Err(Error::invalid("the anonymous principal cannot have a role; public_read lets everyone read"))
        }
        _ => Ok(()),
    }
}

/// Checks that a principal can own a region.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for the anonymous principal.
pub fn region_owner(owner: &Principal) -> Result<()> {
    match *owner == Principal::anonymous() {
        true => Err(Error::invalid("the anonymous principal cannot own a region")),
        false => Ok(()),
    }
}

fn at_most(size: u64, limit: u64) -> Result<()> {
    match size {
        size if size > limit => Err(Error::TooLarge { size, limit }),
        _ => Ok(()),
    }
}

/// Checks that the size of an upload is at least one byte.
fn upload_size(size: u64) -> Result<()> {
    match size {
        0 => {
            Err(Error::invalid("the size is 0; an upload has at least 1 byte, and put stores empty objects"))
        }
        _ => Ok(()),
    }
}

/// Checks that a batch has at most 1,000 items. `what` names them, for example `keys in one get_many`.
///
/// # Errors
///
/// [`Error::LimitExceeded`].
pub fn batch(items: usize, what: &str) -> Result<()> {
    match items as u64 {
        items if items > MAX_BATCH_ITEMS => {
            Err(Error::LimitExceeded { what: what.into(), limit: MAX_BATCH_ITEMS })
        }
        _ => Ok(()),
    }
}

/// Checks that a limit is not 0. `what` is the start of the sentence about the limit, for example `a page has`.
fn limit(limit: Option<u32>, what: &str) -> Result<()> {
    match limit {
        Some(0) => Err(Error::invalid(format!("the limit is 0; {what} 1 to {MAX_PAGE_ITEMS} objects"))),
        _ => Ok(()),
    }
}

impl PutArgs {
    /// Checks key, value, metadata and condition against their limits.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] and [`Error::TooLarge`].
    pub fn check(&self) -> Result<()> {
        payload(self.value.len())?;
        content_type(self.content_type.as_deref())?;
        content_encoding(self.content_encoding.as_deref())?;
        metadata(self.pairs().iter().map(MetadataPair::as_strs))?;
        self.sha256.as_ref().map_or(Ok(()), |digest| sha256(digest).map(drop))?;
        condition(self.condition.as_ref())?;
        key(&self.key)
    }
}

impl RenameArgs {
    /// Checks both keys and the condition.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`].
    pub fn check(&self) -> Result<()> {
        key(&self.from)?;
        condition(self.condition.as_ref())?;
        key(&self.to)
    }
}

impl CopyArgs {
    /// Checks both keys, the condition, the digest and the metadata.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`].
    pub fn check(&self) -> Result<()> {
        key(&self.from)?;
        key(&self.to)?;
        condition(self.condition.as_ref())?;
        self.sha256.as_ref().map_or(Ok(()), |digest| sha256(digest).map(drop))?;
        self.metadata.as_ref().map_or(Ok(()), CopyMetadata::check)
    }
}

impl CopyMetadata {
    /// Checks the metadata against its limits.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`].
    pub fn check(&self) -> Result<()> {
        content_type(self.content_type.as_deref())?;
        content_encoding(self.content_encoding.as_deref())?;
        metadata(self.pairs().iter().map(MetadataPair::as_strs))
    }
}

impl CopySource {
    /// Checks that there is a source, and at most 1,000, and their keys.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] and [`Error::LimitExceeded`].
    pub fn check_all(sources: &[Self]) -> Result<()> {
        batch(sources.len(), "sources of one copy_chunks")?;
        if sources.is_empty() {
            return Err(Error::invalid("copy_chunks has no source"));
        }
        sources.iter().try_for_each(|source| key(&source.key))
    }
}

impl UploadArgs {
    /// Checks key, size, digest, metadata and condition against their limits.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`].
    pub fn check(&self) -> Result<()> {
        key(&self.key)?;
        content_type(self.content_type.as_deref())?;
        content_encoding(self.content_encoding.as_deref())?;
        metadata(self.pairs().iter().map(MetadataPair::as_strs))?;
        self.size.map_or(Ok(()), upload_size)?;
        condition(self.condition.as_ref())?;
        self.sha256.as_ref().map_or(Ok(()), |digest| sha256(digest).map(drop))
    }
}

impl UploadEnd {
    /// Checks the size and the digest.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`].
    pub fn check(&self) -> Result<()> {
        upload_size(self.size)?;
        if self.size > MAX_STABLE_BYTES {
            return Err(Error::invalid(format!(
                "the size is {} bytes; the limit is {MAX_STABLE_BYTES}",
                self.size
            )));
        }
        self.sha256.as_ref().map_or(Ok(()), |digest| sha256(digest).map(drop))
    }
}

impl ListArgs {
    /// Checks that the limit is not 0 and that the delimiter is not empty.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`].
    pub fn check(&self) -> Result<()> {
        limit(self.limit, "a page has")?;
        match self.delimiter.as_deref() {
            Some("") => Err(Error::invalid("the delimiter is empty; a delimiter has at least 1 byte")),
            _ => Ok(()),
        }
    }
}

impl ListArgs {
    /// Checks the arguments of `scan`, which has no delimiter.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`].
    pub fn check_scan(&self) -> Result<()> {
        match &self.delimiter {
            Some(_) => Err(Error::invalid("scan does not support a delimiter; use list")),
            None => self.check(),
        }
    }
}

impl DeleteArgs {
    /// Checks the key and the condition.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`].
    pub fn check(&self) -> Result<()> {
        key(&self.key)?;
        condition(self.condition.as_ref())
    }
}

impl ReadLogArgs {
    /// Checks that the limit is not 0.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`].
    pub fn check(&self) -> Result<()> {
        match self.limit {
            Some(0) => Err(Error::invalid("the limit is 0; a page has at least 1 entry")),
            _ => Ok(()),
        }
    }
}

impl DeletePrefixArgs {
    /// Checks that the limit is not 0.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`].
    pub fn check(&self) -> Result<()> {
        limit(self.limit, "one call removes")
    }
}

#[cfg(test)]
mod tests {
    use serde_bytes::ByteBuf;

    use super::*;
    use crate::limits::ITEM_OVERHEAD_BYTES;
    use crate::{RegionLoad, RegionType};

    fn is_invalid(result: &Result<()>) -> bool {
        matches!(result, Err(Error::InvalidArgument { .. }))
    }

    #[test]
    fn keys_have_1_to_1024_bytes() {
        for (bytes, is_good) in [(0, false), (1, true), (1_023, true), (1_024, true), (1_025, false)] {
            assert_eq!(key(&"k".repeat(bytes)).is_ok(), is_good, "{bytes} bytes");
        }
        // The limit counts bytes, not characters: 512 characters of two bytes fit, one more does not.
        assert_eq!(key(&"é".repeat(512)), Ok(()));
        let error = key(&"é".repeat(513)).unwrap_err();
        assert_eq!(error.to_string(), "invalid argument: the key has 1026 bytes; a key has 1 to 1024 bytes");
    }

    #[test]
    fn limits_are_met_to_the_byte() {
        for (bytes, is_good) in [(0, true), (254, true), (255, true), (256, false)] {
            assert_eq!(content_type(Some(&"t".repeat(bytes))).is_ok(), is_good, "{bytes} bytes");
        }
        for (bytes, is_good) in [(0, false), (31, false), (32, true), (33, false)] {
            assert_eq!(sha256(&vec![0; bytes]).is_ok(), is_good, "{bytes} bytes");
        }
        let limit = MAX_PAYLOAD_BYTES as usize;
        assert_eq!((payload(limit), chunk(limit)), (Ok(()), Ok(())));
        let too_large = Err(Error::TooLarge { size: limit as u64 + 1, limit: limit as u64 });
        assert_eq!((payload(limit + 1), chunk(limit + 1)), (too_large.clone(), too_large));
        assert_eq!(batch(1_000, "items"), Ok(()));
        let too_many = Error::LimitExceeded { what: "items".into(), limit: 1_000 };
        assert_eq!(batch(1_001, "items"), Err(too_many));
    }

    #[test]
    fn the_anonymous_principal_has_no_role_and_no_region() {
        let (anonymous, somebody) = (Principal::anonymous(), Principal::self_authenticating([1]));
        assert!(is_invalid(&role(&anonymous, Some(Role::Reader))) && is_invalid(&region_owner(&anonymous)));
        assert_eq!((role(&anonymous, None), role(&somebody, Some(Role::Admin))), (Ok(()), Ok(())));
        assert_eq!(region_owner(&somebody), Ok(()));
    }

    #[test]
    fn arguments_and_loads_are_bounded_as_a_whole() {
        let limit = Method::named("set_role").map(|method| method.max_argument_bytes).unwrap();
        assert_eq!((argument("set_role", limit as usize), argument("nothing", usize::MAX)), (Ok(()), Ok(())));
        assert_eq!(argument("set_role", limit as usize + 1), Err(Error::TooLarge { size: limit + 1, limit }));
        let blobs = |bytes: &[u64]| {
            let load = |&bytes| RegionLoad { offset: 0, kind: RegionType::Blob(bytes) };
            RegionLoad::check_all(&bytes.iter().map(load).collect::<Vec<_>>())
        };
        let most = MAX_REPLY_BYTES - ITEM_OVERHEAD_BYTES;
        assert_eq!((reply(MAX_REPLY_BYTES), blobs(&[most]), blobs(&[])), (Ok(()), Ok(()), Ok(())));
        for bad in [&[most + 1][..], &[most, 0], &[u64::MAX, u64::MAX]] {
            assert!(matches!(blobs(bad), Err(Error::TooLarge { limit: MAX_REPLY_BYTES, .. })), "{bad:?}");
        }
        assert!(matches!(blobs(&[0; 1_001]), Err(Error::LimitExceeded { .. })));
    }

    #[test]
    fn metadata_has_16_pairs_2048_bytes_and_each_name_once() {
        let metadata = |pairs: &[MetadataPair]| metadata(pairs.iter().map(MetadataPair::as_strs));
        let pairs =
            |count: usize| (0..count).map(|at| MetadataPair::new(at.to_string(), "v")).collect::<Vec<_>>();
        assert_eq!((metadata(&pairs(0)), metadata(&pairs(16))), (Ok(()), Ok(())));
        let pair = |name: usize, value: usize| [MetadataPair::new("n".repeat(name), "é".repeat(value))];
        assert_eq!((metadata(&pair(48, 1_000)), metadata(&pair(2_048, 0))), (Ok(()), Ok(())));
        for bad in [&pairs(17)[..], &pair(49, 1_000), &pair(0, 1), &[pairs(3), pairs(1)].concat()] {
            assert!(is_invalid(&metadata(bad)), "{bad:?}");
        }
        for (bytes, is_good) in [(0, true), (64, true), (65, false)] {
            assert_eq!(content_encoding(Some(&"e".repeat(bytes))).is_ok(), is_good, "{bytes} bytes");
        }
    }

    #[test]
    fn arguments_are_checked_in_all_their_parts() {
        let long = "x".repeat(1_025);
        assert!(is_invalid(&PutArgs::new("", "").check()) && is_invalid(&PutArgs::new(&*long, "").check()));
        let put = || PutArgs::new("k", "v");
        let typed = PutArgs { content_type: Some(long.clone()), ..put() };
        let encoded = PutArgs { content_encoding: Some(long.clone()), ..put() };
        let named = PutArgs { metadata: Some(vec![MetadataPair::new("", "")]), ..put() };
        let digest = PutArgs { sha256: Some(ByteBuf::from([0; 31])), ..put() };
        assert!([typed, encoded, named, digest].iter().all(|put| is_invalid(&put.check())));
        assert_eq!(put().check(), Ok(()));
        let rename =
            |from: &str, to: &str| RenameArgs { from: from.into(), to: to.into(), condition: None }.check();
        assert!(rename("a", "b").is_ok() && is_invalid(&rename("", "b")) && is_invalid(&rename("a", &long)));
        let copy = |from: &str, to: &str| CopyArgs::new(from, to);
        let described =
            CopyMetadata { metadata: Some(vec![MetadataPair::new("", "")]), ..Default::default() };
        assert!(copy("a", "b").check().is_ok() && copy("a", "a").check().is_ok());
        for bad in [
            copy("", "b"),
            copy("a", &long),
            CopyArgs { sha256: Some(ByteBuf::from([0; 33])), ..copy("a", "b") },
            CopyArgs { metadata: Some(described), ..copy("a", "b") },
        ] {
            assert!(is_invalid(&bad.check()), "{bad:?}");
        }
        let sources = |key: &str, count| CopySource::check_all(&vec![CopySource::whole(key, 1); count]);
        assert_eq!(sources("k", 1_000), Ok(()));
        assert!(is_invalid(&sources("k", 0)) && is_invalid(&sources(&long, 1)));
        assert!(matches!(sources("k", 1_001), Err(Error::LimitExceeded { limit: 1_000, .. })));
        let upload = UploadArgs::new("k", 1);
        assert!(upload.check().is_ok() && is_invalid(&UploadArgs::new("k", 0).check()));
        assert!(UploadArgs::unsized_new("k").check().is_ok());
        let end = |size, digest: usize| UploadEnd { size, sha256: Some(ByteBuf::from(vec![0; digest])) };
        assert!(
            end(1, 32).check().is_ok()
                && is_invalid(&end(0, 32).check())
                && is_invalid(&end(u64::MAX, 32).check())
                && is_invalid(&end(1, 31).check())
        );
        let digest = UploadArgs { sha256: Some(ByteBuf::from([0; 31])), ..upload.clone() };
        let typed = UploadArgs { content_type: Some(long.clone()), ..upload.clone() };
        let encoded = UploadArgs { content_encoding: Some(long), ..upload.clone() };
        let named = UploadArgs { metadata: Some(vec![MetadataPair::new("", "")]), ..upload };
        assert!([digest, typed, encoded, named].iter().all(|upload| is_invalid(&upload.check())));
        let page = ListArgs::prefix("");
        assert!(page.check().is_ok() && is_invalid(&ListArgs { limit: Some(0), ..page.clone() }.check()));
        assert!(page.check_scan().is_ok() && is_invalid(&ListArgs { limit: Some(0), ..page }.check_scan()));
        assert!(ListArgs::level("", "/").check().is_ok() && is_invalid(&ListArgs::level("", "").check()));
        assert!(is_invalid(&ListArgs::level("", "/").check_scan()));
        assert!(DeleteArgs::new("k").check().is_ok() && is_invalid(&DeleteArgs::new("").check()));
        assert!(is_invalid(&DeletePrefixArgs { prefix: String::new(), limit: Some(0) }.check()));
        assert!(is_invalid(&ReadLogArgs { from: 0, limit: Some(0) }.check()));
    }
}
