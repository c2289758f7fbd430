//! Checks of arguments that need no store.
//!
//! The canister makes them, and a client makes the same ones before it calls, so that a mistake is named where it was
//! made and costs no message.

use crate::limits::{
    CHUNK_BYTES, MAX_BATCH_ITEMS, MAX_CONTENT_TYPE_BYTES, MAX_KEY_BYTES, MAX_PAGE_ITEMS, MAX_PAYLOAD_BYTES,
    SHA256_BYTES,
};
use crate::{DeletePrefixArgs, Error, ListArgs, PutArgs, ReadLogArgs, RenameArgs, Result, UploadArgs};

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

/// Checks that a value, a log entry or the bytes of a region fit one message.
///
/// # Errors
///
/// [`Error::TooLarge`].
pub fn payload(bytes: usize) -> Result<()> {
    at_most(bytes, MAX_PAYLOAD_BYTES)
}

/// Checks that a chunk of an upload is no longer than a chunk is.
///
/// # Errors
///
/// [`Error::TooLarge`].
pub fn chunk(bytes: usize) -> Result<()> {
    at_most(bytes, CHUNK_BYTES)
}

fn at_most(bytes: usize, limit: u64) -> Result<()> {
    match bytes as u64 {
        size if size > limit => Err(Error::TooLarge { size, limit }),
        _ => Ok(()),
    }
}

/// Checks that a batch has at most 1,000 items; `what` names them, as in `keys in one get_many`.
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

/// Checks that a limit is not 0; `what` has that limit, as in `a page has`.
fn limit(limit: u32, what: &str) -> Result<()> {
    match limit {
        0 => Err(Error::invalid(format!("the limit is 0; {what} 1 to {MAX_PAGE_ITEMS} objects"))),
        _ => Ok(()),
    }
}

impl PutArgs {
    /// Checks what needs no store: that key, value and metadata are within their limits.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] and [`Error::TooLarge`].
    pub fn check(&self) -> Result<()> {
        payload(self.value.len())?;
        content_type(self.content_type.as_deref())?;
        key(&self.key)
    }
}

impl RenameArgs {
    /// Checks what needs no store: both keys.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`].
    pub fn check(&self) -> Result<()> {
        key(&self.from)?;
        key(&self.to)
    }
}

impl UploadArgs {
    /// Checks what needs no store: that key, size, digest and metadata are within their limits.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`].
    pub fn check(&self) -> Result<()> {
        key(&self.key)?;
        content_type(self.content_type.as_deref())?;
        if self.size == 0 {
            return Err(Error::invalid(
                "the size is 0; an upload has at least 1 byte, and put stores empty objects",
            ));
        }
        self.sha256.as_ref().map_or(Ok(()), |digest| sha256(digest).map(drop))
    }
}

impl ListArgs {
    /// Checks what needs no store: that the limit is not 0.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`].
    pub fn check(&self) -> Result<()> {
        limit(self.limit, "a page has")
    }
}

impl ReadLogArgs {
    /// Checks what needs no store: that the limit is not 0.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`].
    pub fn check(&self) -> Result<()> {
        match self.limit {
            0 => Err(Error::invalid("the limit is 0; a page has at least 1 entry")),
            _ => Ok(()),
        }
    }
}

impl DeletePrefixArgs {
    /// Checks what needs no store: that the limit is not 0.
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

    fn is_invalid(result: &Result<()>) -> bool {
        matches!(result, Err(Error::InvalidArgument { .. }))
    }

    #[test]
    fn keys_have_1_to_1024_bytes() {
        for (bytes, is_good) in [(0, false), (1, true), (1_023, true), (1_024, true), (1_025, false)] {
            assert_eq!(key(&"k".repeat(bytes)).is_ok(), is_good, "{bytes} bytes");
        }
        // Bytes count, not characters: 512 of two bytes each fit, one more does not.
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
    fn arguments_are_checked_in_all_their_parts() {
        let long = "x".repeat(1_025);
        assert!(is_invalid(&PutArgs::new("", "").check()) && is_invalid(&PutArgs::new(&*long, "").check()));
        let typed = PutArgs { content_type: Some(long.clone()), ..PutArgs::new("k", "") };
        assert!(is_invalid(&typed.check()) && PutArgs::new("k", "v").check().is_ok());
        let rename =
            |from: &str, to: &str| RenameArgs { from: from.into(), to: to.into(), condition: None }.check();
        assert!(rename("a", "b").is_ok() && is_invalid(&rename("", "b")) && is_invalid(&rename("a", &long)));
        let upload = UploadArgs::new("k", 1);
        assert!(upload.check().is_ok() && is_invalid(&UploadArgs::new("k", 0).check()));
        let digest = UploadArgs { sha256: Some(ByteBuf::from([0; 31])), ..upload.clone() };
        let typed = UploadArgs { content_type: Some(long), ..upload };
        assert!(is_invalid(&digest.check()) && is_invalid(&typed.check()));
        let page = ListArgs::prefix("");
        assert!(page.check().is_ok() && is_invalid(&ListArgs { limit: 0, ..page }.check()));
        assert!(is_invalid(&DeletePrefixArgs { prefix: String::new(), limit: 0 }.check()));
        assert!(is_invalid(&ReadLogArgs { from: 0, limit: 0 }.check()));
    }
}
