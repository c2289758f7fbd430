//! Checksums of objects that are uploaded in parts: made of the checksums of the parts, so that no byte is read again.

use base64::{Engine, engine::general_purpose::STANDARD};
use crc_fast::{CrcAlgorithm, checksum_combine};
use s3s::{
    S3Result,
    dto::{Checksum, ChecksumAlgorithm, ChecksumType, CompleteMultipartUploadInput},
    s3_error,
};

use crate::{
    part::Part,
    sums::{FIELDS, Field, Given, Sums, algorithm_of},
};

/// How the checksum of an object is made of those of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The checksum of the checksums of the parts.
    Composite,
    /// The checksum of the bytes of the object.
    FullObject,
}

impl Kind {
    /// Reads a header.
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub(crate) fn of(kind: &ChecksumType) -> S3Result<Self> {
        match kind.as_str() {
            ChecksumType::COMPOSITE => Ok(Self::Composite),
            ChecksumType::FULL_OBJECT => Ok(Self::FullObject),
            _ => Err(s3_error!(InvalidRequest, "x-amz-checksum-type may be COMPOSITE or FULL_OBJECT")),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Composite => ChecksumType::COMPOSITE,
            Self::FullObject => ChecksumType::FULL_OBJECT,
        }
    }
}

/// Which checksum an object has: an algorithm with a kind that it can have.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    field: Field,
    kind: Kind,
}

impl Plan {
    /// Returns the checksum with this algorithm, of a kind, or of the kind that S3 takes for it.
    ///
    /// # Errors
    /// `InvalidRequest` for a kind that the algorithm cannot have.
    fn new(field: Field, kind: Option<Kind>) -> S3Result<Self> {
        let algorithm = algorithm_of(field.0);
        let crc = crc_of(algorithm);
        let default = match crc {
            Some(CrcAlgorithm::Crc64Nvme) => Kind::FullObject,
            _ => Kind::Composite,
        };
        let kind = kind.unwrap_or(default);
        let is_possible = match kind {
            Kind::Composite => default == Kind::Composite,
            Kind::FullObject => crc.is_some(),
        };
        match is_possible {
            true => Ok(Self { field, kind }),
            false => {
                let algorithm = algorithm.to_uppercase();
                Err(s3_error!(
                    InvalidRequest,
                    "the checksum type {} does not exist for the algorithm {algorithm}",
                    kind.name()
                ))
            }
        }
    }

    /// Returns the checksum that a new upload asks for.
    ///
    /// # Errors
    /// `InvalidRequest` for a kind without an algorithm, or that the algorithm cannot have.
    pub(crate) fn requested(
        algorithm: Option<&ChecksumAlgorithm>,
        kind: Option<&ChecksumType>,
    ) -> S3Result<Option<Self>> {
        let kind = kind.map(Kind::of).transpose()?;
        let Some(algorithm) = algorithm else {
            return match kind {
                None => Ok(None),
                Some(_) => Err(s3_error!(
                    InvalidRequest,
                    "x-amz-checksum-type is given without x-amz-checksum-algorithm"
                )),
            };
        };
        let is_named = |(header, _): &Field| algorithm_of(header).eq_ignore_ascii_case(algorithm.as_str());
        let field = FIELDS.into_iter().find(is_named);
        let field = field.ok_or_else(|| s3_error!(InvalidRequest, "the checksum algorithm is not known"))?;
        Self::new(field, kind).map(Some)
    }

    /// Returns the name, for example `crc64nvme-full_object`.
    pub(crate) fn name(&self) -> String {
        format!("{}-{}", self.algorithm(), self.kind.name().to_lowercase())
    }

    /// Returns the checksum with a [name](Self::name).
    pub(crate) fn named(name: &str) -> Option<Self> {
        let kinds = [Kind::Composite, Kind::FullObject];
        let mut plans = FIELDS
            .into_iter()
            .flat_map(|field| kinds.map(|kind| Self::new(field, Some(kind)).ok()))
            .flatten();
        plans.find(|plan| plan.name() == name)
    }

    /// Returns the algorithm as in the names of headers, in lowercase.
    pub(crate) fn algorithm(&self) -> &'static str {
        algorithm_of(self.field.0)
    }

    /// Returns the algorithm as in the values of headers.
    pub(crate) fn checksum_algorithm(&self) -> ChecksumAlgorithm {
        self.algorithm().to_uppercase().into()
    }

    /// Returns the kind as in the values of headers.
    pub(crate) fn checksum_type(&self) -> ChecksumType {
        ChecksumType::from_static(self.kind.name())
    }

    /// Returns whether the checksum needs that of each part, also of parts that the canister copies.
    pub(crate) fn is_full_object(&self) -> bool {
        self.kind == Kind::FullObject
    }

    /// Returns the checksum of the object that consists of parts, if it is known of every part.
    fn of_parts(self, parts: &[Part]) -> S3Result<Option<Sum>> {
        let digest = |part: &Part| {
            let text = (self.field.1)(&mut part.checksum.clone()).take()?;
            STANDARD.decode(text).ok()
        };
        let digests: Option<Vec<_>> = parts.iter().map(digest).collect();
        let Some(digests) = digests else { return Ok(None) };
        let text = match self.kind {
            Kind::Composite => composite(self.field, &digests)?,
            Kind::FullObject => {
                let sizes = parts.iter().map(|part| part.info.size);
                combined(self.algorithm(), digests.iter().map(Vec::as_slice).zip(sizes))
            }
        };
        Ok(text.map(|text| Sum { plan: self, text }))
    }
}

/// Returns the checksum of checksums, followed by their number.
fn composite(field: Field, digests: &[Vec<u8>]) -> S3Result<Option<String>> {
    let mut sums = Sums::new(Given::default())?.with(algorithm_of(field.0));
    digests.iter().for_each(|digest| sums.update(digest));
    let mut checksum = sums.finish()?.checksum;
    Ok(field.1(&mut checksum).as_ref().map(|sum| format!("{sum}-{}", digests.len())))
}

/// Returns the CRC of the bytes whose consecutive pieces have these CRCs and lengths.
fn combined<'d>(algorithm: &str, pieces: impl Iterator<Item = (&'d [u8], u64)>) -> Option<String> {
    let crc = crc_of(algorithm)?;
    let mut width = 0;
    let sum = pieces.fold(0, |sum, (digest, length)| {
        width = digest.len();
        let digest = digest.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        checksum_combine(crc, sum, digest, length)
    });
    let bytes = sum.to_be_bytes();
    Some(STANDARD.encode(bytes.get(bytes.len().checked_sub(width)?..)?))
}

fn crc_of(algorithm: &str) -> Option<CrcAlgorithm> {
    match algorithm {
        "crc32" => Some(CrcAlgorithm::Crc32IsoHdlc),
        "crc32c" => Some(CrcAlgorithm::Crc32Iscsi),
        "crc64nvme" => Some(CrcAlgorithm::Crc64Nvme),
        _ => None,
    }
}

/// The checksum of an object.
#[derive(Clone)]
pub(crate) struct Sum {
    pub(crate) plan: Plan,
    /// The Base64 of the digest; of a composite one, a hyphen and the number of parts follow.
    pub(crate) text: String,
}

impl Sum {
    /// Returns the checksum in its field.
    pub(crate) fn checksum(&self) -> Checksum {
        let mut checksum = Checksum::default();
        *(self.plan.field.1)(&mut checksum) = Some(self.text.clone());
        checksum
    }

    /// Returns whether this is the checksum that a client gives. It may leave out the number of parts.
    fn is(&self, given: &str) -> bool {
        let digest = self.text.split('-').next().unwrap_or_default();
        given == self.text || given == digest
    }
}

/// What a completion says about the checksum of the object.
pub(crate) struct Expected {
    kind: Option<Kind>,
    given: Checksum,
}

impl Expected {
    /// Takes the headers of a completion.
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub(crate) fn of(input: &mut CompleteMultipartUploadInput) -> S3Result<Self> {
        let given = Checksum {
            checksum_crc32: input.checksum_crc32.take(),
            checksum_crc32c: input.checksum_crc32c.take(),
            checksum_crc64nvme: input.checksum_crc64nvme.take(),
            checksum_sha1: input.checksum_sha1.take(),
            checksum_sha256: input.checksum_sha256.take(),
            ..Default::default()
        };
        Ok(Self { kind: input.checksum_type.as_ref().map(Kind::of).transpose()?, given })
    }

    /// Compares the checksums of the object with those of its parts, and returns that of the object. An upload that was created
    /// without an algorithm has the one that its completion gives.
    ///
    /// # Errors
    /// `BadDigest`; `InvalidRequest` for another algorithm or kind than that of the upload, and if a part was uploaded without the
    /// checksum.
    pub(crate) fn check(mut self, planned: Option<Plan>, parts: &[Part]) -> S3Result<Option<Sum>> {
        if let Some(kind) =
            planned.map(|plan| plan.kind).filter(|kind| self.kind.is_some_and(|given| given != *kind))
        {
            return Err(s3_error!(
                InvalidRequest,
                "the upload was created with the checksum type {}",
                kind.name()
            ));
        }
        let mut sum = planned.map(|plan| plan.of_parts(parts)).transpose()?.flatten();
        for field in FIELDS {
            let Some(given) = field.1(&mut self.given).take() else { continue };
            let plan = match planned {
                Some(plan) if plan.field.0 == field.0 => plan,
                Some(plan) => {
                    let algorithm = plan.algorithm().to_uppercase();
                    return Err(s3_error!(
                        InvalidRequest,
                        "the upload was created with the checksum algorithm {algorithm}"
                    ));
                }
                None => Plan::new(field, self.kind)?,
            };
            let computed = plan.of_parts(parts)?;
            let computed = computed
                .ok_or_else(|| s3_error!(InvalidRequest, "a part was uploaded without {}", field.0))?;
            if !computed.is(&given) {
                return Err(s3_error!(
                    BadDigest,
                    "{}: the parts have {}, given was {given}",
                    field.0,
                    computed.text
                ));
            }
            sum.get_or_insert(computed);
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use s3s::S3ErrorCode;

    use super::*;

    /// The published check values of the algorithms, for the bytes `123456789`, from those of every two pieces of them, computed
    /// by the hasher of request bodies.
    #[test]
    fn the_crc_of_pieces_is_that_of_the_whole() {
        const BODY: &[u8] = b"123456789";
        for (header, field) in FIELDS {
            let algorithm = algorithm_of(header);
            let expected = match algorithm {
                "crc32" => "cbf43926",
                "crc32c" => "e3069283",
                "crc64nvme" => "ae8b14860a799888",
                _ => continue,
            };
            let digest = |bytes: &[u8]| {
                let mut sums = Sums::new(Given::default()).unwrap().with(algorithm);
                sums.update(bytes);
                STANDARD.decode(field(&mut sums.finish().unwrap().checksum).take().unwrap()).unwrap()
            };
            for at in 0..=BODY.len() {
                let (one, other) = BODY.split_at(at);
                let digests = [digest(one), digest(other)];
                let pieces =
                    digests.iter().map(Vec::as_slice).zip([one, other].map(|piece| piece.len() as u64));
                let sum = combined(algorithm, pieces).unwrap();
                assert_eq!(hex::encode(STANDARD.decode(sum).unwrap()), expected, "{algorithm} {at}");
            }
        }
    }

    #[test]
    fn an_algorithm_has_the_kinds_that_it_has_in_s3() {
        let requested = |algorithm: &'static str, kind: Option<&'static str>| {
            let algorithm = ChecksumAlgorithm::from_static(algorithm);
            let kind = kind.map(ChecksumType::from_static);
            let plan = Plan::requested(Some(&algorithm), kind.as_ref());
            plan.map(|plan| plan.unwrap().name()).map_err(|error| error.code().clone())
        };
        for (algorithm, kind, name) in [
            ("CRC32", None, "crc32-composite"),
            ("crc32c", Some("FULL_OBJECT"), "crc32c-full_object"),
            ("CRC64NVME", None, "crc64nvme-full_object"),
            ("SHA1", Some("COMPOSITE"), "sha1-composite"),
            ("SHA256", None, "sha256-composite"),
        ] {
            assert_eq!(requested(algorithm, kind).as_deref(), Ok(name));
            assert_eq!(Plan::named(name).unwrap().name(), name);
        }
        for (algorithm, kind) in [
            ("CRC64NVME", "COMPOSITE"),
            ("SHA1", "FULL_OBJECT"),
            ("SHA256", "FULL_OBJECT"),
            ("CRC32", "OTHER"),
        ] {
            assert_eq!(
                requested(algorithm, Some(kind)),
                Err(S3ErrorCode::InvalidRequest),
                "{algorithm} {kind}"
            );
        }
        let kind = ChecksumType::from_static("COMPOSITE");
        assert_eq!(Plan::requested(None, Some(&kind)).err().unwrap().code(), &S3ErrorCode::InvalidRequest);
        for name in ["", "crc64nvme-composite", "sha1-full_object", "crc32"] {
            assert!(Plan::named(name).is_none(), "{name}");
        }
    }
}
