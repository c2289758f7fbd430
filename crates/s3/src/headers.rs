//! Headers that describe an object, and where they are kept.

use axum::http::{Extensions, HeaderName, HeaderValue, header::EXPIRES};
use bytes::Bytes;
use s3s::{
    S3Error, S3Result,
    dto::{Metadata, Timestamp, TimestampFormat},
    s3_error,
};
use stable_storage_api::{MetadataPair, ObjectInfo, UploadArgs, headers};

use crate::substitutes::ExpiresText;

/// Encoding that describes the request and not the object.
const AWS_CHUNKED: &str = "aws-chunked";

/// Headers of a request that describe the object.
#[derive(Debug, Default)]
pub(crate) struct Described {
    pub(crate) cache_control: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) expires: Option<Expires>,
    pub(crate) metadata: Option<Metadata>,
}

/// Takes the headers that describe an object from an input.
macro_rules! described {
    ($input:expr, $extensions:expr) => {
        $crate::headers::Described {
            cache_control: $input.cache_control.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $input.content_encoding.take(),
            content_language: $input.content_language.take(),
            content_type: $input.content_type.take(),
            expires: $crate::headers::Expires::of($input.expires.take(), &$extensions),
            metadata: $input.metadata.take(),
        }
    };
}
pub(crate) use described;

/// The header `Expires` of a request: a date, or any other text.
#[derive(Debug)]
pub(crate) enum Expires {
    Date(Timestamp),
    Text(String),
}

impl Expires {
    /// Returns what a request has: a date that `s3s` has read, or the text that the guard has kept.
    pub(crate) fn of(date: Option<Timestamp>, extensions: &Extensions) -> Option<Self> {
        let text = || extensions.get().map(|ExpiresText(text)| Self::Text(text.clone()));
        date.map(Self::Date).or_else(text)
    }

    fn text(self) -> S3Result<String> {
        match self {
            Self::Date(date) => http_date(&date),
            Self::Text(text) => Ok(text),
        }
    }
}

impl Described {
    /// Returns the arguments of an upload under a key, without a condition.
    ///
    /// # Errors
    /// `MetadataTooLarge` and `InvalidArgument`, if the headers do not fit the metadata of an object.
    pub(crate) fn args(self, key: &str) -> S3Result<UploadArgs> {
        let expires = self.expires.map(Expires::text).transpose()?;
        let headers = [
            (headers::CACHE_CONTROL, self.cache_control),
            (headers::CONTENT_DISPOSITION, self.content_disposition),
            (headers::CONTENT_LANGUAGE, self.content_language),
            (headers::EXPIRES, expires),
        ];
        let mut pairs: Vec<_> = self.metadata.into_iter().flatten().collect();
        // They come from a hash map: with an order, equal metadata is stored as equal bytes.
        pairs.sort_unstable();
        let named = headers.into_iter().filter_map(|(name, value)| Some(MetadataPair::new(name, value?)));
        let pairs: Vec<_> =
            pairs.into_iter().map(|(name, value)| MetadataPair::new(name, value)).chain(named).collect();
        let args = UploadArgs {
            content_type: self.content_type,
            content_encoding: self.content_encoding.and_then(without_aws_chunked),
            metadata: (!pairs.is_empty()).then_some(pairs),
            ..UploadArgs::unsized_new(key)
        };
        check(&args)?;
        Ok(args)
    }
}

/// Adds the pair that records an ETag.
pub(crate) fn with_pair(args: UploadArgs, pair: MetadataPair) -> S3Result<UploadArgs> {
    let pairs = args.metadata.into_iter().flatten().chain([pair]).collect();
    let args = UploadArgs { metadata: Some(pairs), ..args };
    check(&args)?;
    Ok(args)
}

/// Checks that the headers fit the metadata of an object, before the body is read.
fn check(args: &UploadArgs) -> S3Result<()> {
    args.check().map_err(|error| match args.pairs().is_empty() {
        true => s3_error!(InvalidArgument, "{error}"),
        false => s3_error!(MetadataTooLarge, "{error}"),
    })
}

/// Returns the recorded value of a header.
pub(crate) fn header(info: &ObjectInfo, name: &str) -> Option<String> {
    let pair = info.metadata.iter().flatten().find(|pair| pair.name == name)?;
    // A value of another tool may have characters that no header can have.
    Some(pair.value.clone()).filter(|value| is_header_value(value))
}

/// Returns the content type, if a header can have it.
pub(crate) fn content_type(info: &ObjectInfo) -> Option<String> {
    info.content_type.clone().filter(|value| is_header_value(value))
}

/// Returns the content encoding, if a header can have it.
pub(crate) fn content_encoding(info: &ObjectInfo) -> Option<String> {
    info.content_encoding.clone().filter(|value| is_header_value(value))
}

/// Returns the user metadata that can be sent in headers. The values of names that differ only in case are one list, as of
/// headers with the same name.
pub(crate) fn user_metadata(info: &ObjectInfo) -> Option<Metadata> {
    let pairs = info.metadata.iter().flatten().filter(|pair| {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(&byte);
        pair.name.bytes().all(is_token) && is_header_value(&pair.value)
    });
    let metadata = pairs.fold(Metadata::new(), |mut metadata, pair| {
        let values: &mut String = metadata.entry(pair.name.to_ascii_lowercase()).or_default();
        if !values.is_empty() {
            values.push(',');
        }
        values.push_str(&pair.value);
        metadata
    });
    (!metadata.is_empty()).then_some(metadata)
}

/// Returns the recorded header `Expires`, which `s3s` would only write if it is a date.
pub(crate) fn expires(info: &ObjectInfo) -> Option<(HeaderName, HeaderValue)> {
    let text = header(info, headers::EXPIRES)?;
    HeaderValue::from_maybe_shared(Bytes::from(text)).ok().map(|value| (EXPIRES, value))
}

/// Returns a time in nanoseconds since 1970 as a timestamp.
pub(crate) fn timestamp(time_ns: u64) -> Timestamp {
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_nanos(time_ns);
    Timestamp::from(time)
}

/// Returns a time as in the headers of HTTP.
pub(crate) fn http_date(time: &Timestamp) -> S3Result<String> {
    let mut text = Vec::new();
    time.format(TimestampFormat::HttpDate, &mut text).map_err(S3Error::internal_error)?;
    String::from_utf8(text).map_err(S3Error::internal_error)
}

fn is_header_value(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'\t' || !byte.is_ascii_control())
}

fn without_aws_chunked(encoding: String) -> Option<String> {
    let encodings = encoding.split(',').map(str::trim).filter(|encoding| *encoding != AWS_CHUNKED);
    let encoding = encodings.collect::<Vec<_>>().join(",");
    (!encoding.is_empty()).then_some(encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_of_the_request_is_not_that_of_the_object() {
        let encoding = |text: &str| without_aws_chunked(text.to_owned());
        assert_eq!(encoding("aws-chunked"), None);
        assert_eq!(encoding("gzip, aws-chunked").as_deref(), Some("gzip"));
        assert_eq!(encoding("gzip,br").as_deref(), Some("gzip,br"));
    }

    #[test]
    fn headers_are_checked_before_the_body_is_read() {
        let metadata = Some(Metadata::from([("a".to_owned(), "x".repeat(3_000))]));
        let error = Described { metadata, ..Described::default() }.args("a/b").unwrap_err();
        assert_eq!(error.code(), &s3s::S3ErrorCode::MetadataTooLarge);
        let content_type = Some("x".repeat(300));
        let error = Described { content_type, ..Described::default() }.args("a/b").unwrap_err();
        assert_eq!(error.code(), &s3s::S3ErrorCode::InvalidArgument);
    }
}
