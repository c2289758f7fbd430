//! Digests and checksums of request bodies, and what the client says that they are.

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use s3s::{
    S3Result, TrailingHeaders,
    checksum::ChecksumHasher,
    dto::{Checksum, ChecksumAlgorithm},
    s3_error,
};

use crate::error::not_implemented;

/// Digests that a client gives with a body.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// The header `Content-MD5`, in Base64.
    pub(crate) content_md5: Option<String>,
    /// The headers `x-amz-checksum-…`.
    pub(crate) checksum: Checksum,
    /// The algorithm of a checksum that follows in a trailer.
    pub(crate) algorithm: Option<ChecksumAlgorithm>,
    /// The trailers, which arrive with the end of the body.
    pub(crate) trailers: Option<TrailingHeaders>,
}

impl Given {
    /// Returns whether there is a digest of the body.
    pub(crate) fn is_some(&self) -> bool {
        let Checksum {
            checksum_crc32,
            checksum_crc32c,
            checksum_crc64nvme,
            checksum_sha1,
            checksum_sha256,
            ..
        } = &self.checksum;
        [
            &self.content_md5,
            checksum_crc32,
            checksum_crc32c,
            checksum_crc64nvme,
            checksum_sha1,
            checksum_sha256,
        ]
        .into_iter()
        .any(Option::is_some)
    }
}

/// Takes the digests from an input.
macro_rules! given {
    ($request:expr) => {{
        let mut checksum = s3s::dto::Checksum::default();
        checksum.checksum_crc32 = $request.input.checksum_crc32.take();
        checksum.checksum_crc32c = $request.input.checksum_crc32c.take();
        checksum.checksum_crc64nvme = $request.input.checksum_crc64nvme.take();
        checksum.checksum_sha1 = $request.input.checksum_sha1.take();
        checksum.checksum_sha256 = $request.input.checksum_sha256.take();
        $crate::sums::Given {
            content_md5: $request.input.content_md5.take(),
            checksum,
            algorithm: $request.input.checksum_algorithm.take(),
            // Of a request whose headers were replaced, they are beside it.
            trailers: $request.trailing_headers.take().or_else(|| $request.extensions.remove()),
        }
    }};
}
pub(crate) use given;

/// Digests of a body that was verified.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    /// The MD5, in hexadecimal.
    pub(crate) md5: String,
    /// The checksums that the client asked for.
    pub(crate) checksum: Checksum,
}

/// Computes the digests of a body.
pub(crate) struct Sums {
    md5: Md5,
    checksums: ChecksumHasher,
    expected_md5: Option<[u8; MD5_BYTES]>,
    given: Given,
}

const MD5_BYTES: usize = 16;

/// Access to the same checksum of the given, the computed and the trailing ones.
pub(crate) type Field = (&'static str, fn(&mut Checksum) -> &mut Option<String>);

/// Start of the names of the headers with checksums.
const CHECKSUM: &str = "x-amz-checksum-";

/// The headers with checksums.
pub(crate) const FIELDS: [Field; 5] = [
    ("x-amz-checksum-crc32", |sums| &mut sums.checksum_crc32),
    ("x-amz-checksum-crc32c", |sums| &mut sums.checksum_crc32c),
    ("x-amz-checksum-crc64nvme", |sums| &mut sums.checksum_crc64nvme),
    ("x-amz-checksum-sha1", |sums| &mut sums.checksum_sha1),
    ("x-amz-checksum-sha256", |sums| &mut sums.checksum_sha256),
];

/// Returns the algorithm of a header with a checksum, in lowercase.
pub(crate) fn algorithm_of(header: &'static str) -> &'static str {
    &header[CHECKSUM.len()..]
}

/// Checks that a checksum is the Base64 of as many bytes as its algorithm has.
fn check_form(header: &'static str, text: &str) -> S3Result<()> {
    let bytes = match algorithm_of(header) {
        "crc64nvme" => 8,
        "sha1" => 20,
        "sha256" => 32,
        _ => 4,
    };
    match STANDARD.decode(text) {
        Ok(decoded) if decoded.len() == bytes => Ok(()),
        _ => Err(s3_error!(InvalidRequest, "{header} is not the Base64 of {bytes} bytes")),
    }
}

/// Adds an algorithm to those of a hasher.
fn start(checksums: &mut ChecksumHasher, algorithm: &str) {
    match algorithm {
        "crc32" => checksums.crc32 = Some(Default::default()),
        "crc32c" => checksums.crc32c = Some(Default::default()),
        "crc64nvme" => checksums.crc64nvme = Some(Default::default()),
        "sha1" => checksums.sha1 = Some(Default::default()),
        "sha256" => checksums.sha256 = Some(Default::default()),
        _ => {}
    }
}

impl Sums {
    /// Starts with an empty body.
    ///
    /// # Errors
    /// `InvalidDigest` for the MD5, `InvalidRequest` for a checksum that is none; `NotImplemented` for an unknown algorithm.
    pub(crate) fn new(given: Given) -> S3Result<Self> {
        let decode = |text: &String| {
            let bytes = STANDARD.decode(text).ok().and_then(|bytes| <[u8; MD5_BYTES]>::try_from(bytes).ok());
            bytes.ok_or_else(|| s3_error!(InvalidDigest, "Content-MD5 is not the Base64 of 16 bytes"))
        };
        let expected_md5 = given.content_md5.as_ref().map(decode).transpose()?;
        let named = given.algorithm.as_ref().map(ChecksumAlgorithm::as_str);
        let is_named = |header| named.is_some_and(|named| named.eq_ignore_ascii_case(algorithm_of(header)));
        if named.is_some() && !FIELDS.iter().any(|(header, _)| is_named(header)) {
            return Err(not_implemented("this checksum algorithm"));
        }
        let mut expected = given.checksum.clone();
        let mut checksums = ChecksumHasher::default();
        for (header, field) in FIELDS {
            if let Some(text) = field(&mut expected) {
                check_form(header, text)?;
            }
            if field(&mut expected).is_some() || is_named(header) {
                start(&mut checksums, algorithm_of(header));
            }
        }
        Ok(Self { md5: Md5::new(), checksums, expected_md5, given })
    }

    /// Computes the checksum with an algorithm too, whether or not the client gives it. Nothing must have been added.
    pub(crate) fn with(mut self, algorithm: &str) -> Self {
        start(&mut self.checksums, algorithm);
        self
    }

    /// Returns the MD5 that the client gives, in hexadecimal. It is known before the body has arrived.
    pub(crate) fn given_md5(&self) -> Option<String> {
        self.expected_md5.map(hex::encode)
    }

    /// Adds the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.checksums.update(bytes);
    }

    /// Compares the digests with those that the client gives.
    ///
    /// # Errors
    /// `BadDigest`; `InvalidRequest` for a checksum that was not announced. That an announced one follows is checked by `framing`.
    pub(crate) fn finish(self) -> S3Result<Verified> {
        let Self { md5, checksums, expected_md5, mut given } = self;
        let md5 = md5.finalize();
        if expected_md5.is_some_and(|expected| expected[..] != md5[..]) {
            return Err(s3_error!(BadDigest, "the MD5 of the body is {}", STANDARD.encode(md5)));
        }
        let mut computed = checksums.finalize();
        let trailers = given.trailers.take().and_then(|trailers| trailers.take()).unwrap_or_default();
        for (name, field) in FIELDS {
            let trailing = trailers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
            let expected = field(&mut given.checksum).take().or(trailing);
            match (field(&mut computed), expected) {
                (Some(computed), Some(expected)) if *computed != expected => {
                    return Err(s3_error!(
                        BadDigest,
                        "{name}: the body has {computed}, given was {expected}"
                    ));
                }
                (None, Some(_)) => {
                    return Err(s3_error!(
                        InvalidRequest,
                        "{name} was not announced by x-amz-sdk-checksum-algorithm"
                    ));
                }
                _ => {}
            }
        }
        Ok(Verified { md5: hex::encode(md5), checksum: computed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(given: Given) -> S3Result<Verified> {
        let mut sums = Sums::new(given)?;
        sums.update(b"hel");
        sums.update(b"lo");
        sums.finish()
    }

    #[test]
    fn a_body_with_other_digests_is_refused() {
        let md5 = |text: &str| Given { content_md5: Some(text.to_owned()), ..Given::default() };
        assert_eq!(finish(md5("XUFAKrxLKna5cZ2REBfFkg==")).unwrap().md5, "5d41402abc4b2a76b9719d911017c592");
        let code = |given| finish(given).unwrap_err().code().clone();
        assert_eq!(code(md5("XUFAKrxLKna5cZ2REBfFkQ==")), s3s::S3ErrorCode::BadDigest);
        for bad in ["", "XUFAKrxLKna5cZ2REBfF", "not Base64"] {
            assert_eq!(code(md5(bad)), s3s::S3ErrorCode::InvalidDigest, "{bad}");
        }
        let crc32 = |text: &str| {
            let mut given = Given::default();
            given.checksum.checksum_crc32 = Some(text.to_owned());
            given
        };
        assert_eq!(finish(crc32("NhCmhg==")).unwrap().checksum.checksum_crc32.as_deref(), Some("NhCmhg=="));
        assert_eq!(code(crc32("NhCmhw==")), s3s::S3ErrorCode::BadDigest);
        for bad in ["", "NhCm", "NhCmhg", "not Base64"] {
            assert_eq!(code(crc32(bad)), s3s::S3ErrorCode::InvalidRequest, "{bad}");
        }
    }

    #[test]
    fn a_checksum_that_the_client_asks_for_is_computed() {
        let algorithm = |name: &'static str| Given {
            algorithm: Some(ChecksumAlgorithm::from_static(name)),
            ..Given::default()
        };
        let verified = finish(algorithm(ChecksumAlgorithm::SHA256)).unwrap();
        assert_eq!(
            verified.checksum.checksum_sha256.as_deref(),
            Some("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=")
        );
        assert_eq!(finish(algorithm("CRC7")).unwrap_err().code(), &s3s::S3ErrorCode::NotImplemented);
    }
}
