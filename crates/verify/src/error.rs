//! What was compared, and did not match.

use std::fmt;

use candid::Principal;

/// A SHA-256 digest. It is shown in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Part of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The certificate.
    Certificate,
    /// The certificate of the subnet's key, which is in the certificate of a subnet other than the root subnet.
    Delegation,
    /// The ranges of canisters in the delegation.
    CanisterRanges,
    /// The witness.
    Witness,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "the certificate",
            Self::Delegation => "the certificate of the subnet's key",
            Self::CanisterRanges => "the subnet's ranges of canisters",
            Self::Witness => "the witness",
        })
    }
}

/// The reason for which a reply is refused. Nothing of a refused reply can be relied on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The key is no BLS12-381 public key in DER.
    #[error("{what} is not a BLS12-381 public key in DER, of 133 bytes; it has {bytes} bytes")]
    PublicKey {
        /// Whose key it is.
        what: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// A part of the proof is larger than any reply.
    #[error("{part} has {bytes} bytes, and the limit is {limit}")]
    TooLarge {
        /// The part.
        part: Part,
        /// Its length.
        bytes: usize,
        /// [`MAX_PROOF_BYTES`](crate::limits::MAX_PROOF_BYTES).
        limit: usize,
    },
    /// A part of the proof is no CBOR of its kind.
    #[error("{part} cannot be decoded at byte {offset}: {problem}")]
    Encoding {
        /// The part.
        part: Part,
        /// Where the problem is, in bytes from the start of the part.
        offset: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// The labels of a hash tree are not in ascending order.
    #[error("the label {} of {part} is not after the one before it", text(label))]
    LabelOrder {
        /// The part.
        part: Part,
        /// The second of the two labels.
        label: Vec<u8>,
    },
    /// A hash tree has contents where it should have labels.
    #[error("{part} has contents where labels are expected")]
    NotLabels {
        /// The part.
        part: Part,
    },
    /// A hash tree does not show contents at a path that they must have.
    #[error("{part} does not show contents at /{}", texts(path))]
    NotInTree {
        /// The part.
        part: Part,
        /// The labels of the path.
        path: Vec<Vec<u8>>,
    },
    /// The signature is not one of the key over the root of the tree.
    #[error("the signature of {part} is not one of its key over its tree, whose root is {root}")]
    Signature {
        /// The part.
        part: Part,
        /// Root of its hash tree.
        root: Digest,
    },
    /// The certificate of the subnet's key has itself a delegation.
    #[error("the certificate of the subnet's key is not signed with the root key but has a delegation")]
    NestedDelegation,
    /// The subnet that signed is not responsible for the canister.
    #[error("canister {canister} is in none of the ranges of subnet {subnet}, which signed the certificate")]
    CanisterRange {
        /// The canister.
        canister: Principal,
        /// The subnet.
        subnet: Principal,
    },
    /// The time in the certificate is not a number of at most 64 bits.
    #[error("the time of the certificate is not a number of nanoseconds")]
    Time,
    /// The certificate is too old.
    #[error(
        "the certificate is of {time_ns} ns, and the time is {now_ns} ns: it is more than {max_age_ns} ns old"
    )]
    Expired {
        /// Time of the certificate, in nanoseconds since 1970.
        time_ns: u64,
        /// The time that the caller gave, in nanoseconds since 1970.
        now_ns: u64,
        /// The greatest age.
        max_age_ns: u64,
    },
    /// The certificate is of the future.
    #[error(
        "the certificate is of {time_ns} ns, and the time is {now_ns} ns: it is more than {max_ahead_ns} ns ahead"
    )]
    Future {
        /// Time of the certificate, in nanoseconds since 1970.
        time_ns: u64,
        /// The time that the caller gave, in nanoseconds since 1970.
        now_ns: u64,
        /// The most by which a certificate may be ahead.
        max_ahead_ns: u64,
    },
    /// The witness is not of the tree that is certified.
    #[error("the root of the witness is {witness}, and canister {canister} has certified {}", hex(certified))]
    Root {
        /// The canister.
        canister: Principal,
        /// Root of the witness.
        witness: Digest,
        /// Certified data of the canister.
        certified: Vec<u8>,
    },
    /// The witness shows no certified prefix that covers what was asked for, so it cannot prove that an object is absent.
    #[error("the witness shows no certified prefix of {prefix:?}, so nothing is known about absent objects")]
    NotCertified {
        /// The key or the prefix.
        prefix: String,
    },
    /// The witness neither shows an object nor proves its absence.
    #[error("the witness neither shows object {key:?} nor proves its absence")]
    NotShown {
        /// Key of the object.
        key: String,
    },
    /// The reply has an object that the witness proves to be absent.
    #[error("the reply has object {key:?}, and the witness proves that there is none")]
    Added {
        /// Key of the object.
        key: String,
    },
    /// The reply lacks an object that the witness shows.
    #[error("the reply lacks object {key:?}, which the witness shows")]
    Omitted {
        /// Key of the object.
        key: String,
    },
    /// The reply is about another object.
    #[error("the reply has object {found:?} instead of {asked:?}")]
    OtherKey {
        /// Key that was asked for.
        asked: String,
        /// Key in the reply.
        found: String,
    },
    /// The metadata of an object is not what is certified.
    #[error("the metadata of object {key:?} is not what is certified")]
    Metadata {
        /// Key of the object.
        key: String,
    },
    /// The value has another length than what is certified.
    #[error("the value of object {key:?} has {found} bytes, and {certified} are certified")]
    Size {
        /// Key of the object.
        key: String,
        /// Certified size in bytes.
        certified: u64,
        /// Size of the value in bytes.
        found: u64,
    },
    /// No digest is certified with which the value could be compared.
    #[error("no digest of object {key:?} is certified: call verify, which computes it")]
    NoDigest {
        /// Key of the object.
        key: String,
    },
    /// The value has another digest than what is certified.
    #[error("the value of object {key:?} has the SHA-256 {found}, and {certified} is certified")]
    Value {
        /// Key of the object.
        key: String,
        /// Certified digest.
        certified: Digest,
        /// Digest of the value.
        found: Digest,
    },
    /// A certified page has no delimiter and is in ascending order.
    #[error("certified pages have no delimiter and are in ascending order")]
    ListOptions,
    /// The page has more items than were asked for.
    #[error("the page has {found} items, and at most {limit} were asked for")]
    PageSize {
        /// The most that were asked for.
        limit: u64,
        /// Number of items in the reply.
        found: u64,
    },
    /// The page has an object that is not under the prefix, or not after `start_after`.
    #[error("the page has object {key:?}, which is not among those asked for")]
    OutsidePage {
        /// Key of the object.
        key: String,
    },
    /// The witness hides labels between those of the page.
    #[error("the witness hides which objects are {}", gap(after.as_deref(), before.as_deref()))]
    Gap {
        /// The last label before the hidden ones; `None` at the start.
        after: Option<String>,
        /// The first label after the hidden ones; `None` at the end.
        before: Option<String>,
    },
    /// The next page does not start after the last object of this one.
    #[error("the next page starts after {next:?}, and the last object of this one is {last:?}")]
    Next {
        /// The `start_after` of the next page.
        next: String,
        /// Key of the last object; `None` if there is none.
        last: Option<String>,
    },
    /// The certified head of the log has a wrong length.
    #[error("the certified head of the log has {bytes} bytes instead of 40")]
    LogHead {
        /// Number of bytes.
        bytes: usize,
    },
    /// The log has another length than what is certified.
    #[error("the reply has a log of {found} entries, and {certified} are certified")]
    LogLength {
        /// Certified number of entries.
        certified: u64,
        /// Number of entries in the reply.
        found: u64,
    },
    /// The reply has entries after the end of the log, or none although there are some.
    #[error("the reply has {entries} entries from {from} on, and the log has {length}")]
    LogEntries {
        /// Index of the first entry.
        from: u64,
        /// Number of entries in the reply.
        entries: u64,
        /// Certified number of entries.
        length: u64,
    },
    /// The reply has not one path for each entry.
    #[error("the reply has {entries} entries of the log and {paths} paths")]
    LogPaths {
        /// Number of entries.
        entries: usize,
        /// Number of paths.
        paths: usize,
    },
    /// The path of an entry has another length than its index and the length of the log require.
    #[error("the path of entry {index} of the log has not the length or the digests of {expected} steps")]
    LogPath {
        /// Index of the entry.
        index: u64,
        /// Number of digests that the path must have.
        expected: usize,
    },
    /// The path leads from the entry to another root than what is certified.
    #[error("entry {index} of the log leads to the root {found}, and {certified} is certified")]
    LogRoot {
        /// Index of the entry.
        index: u64,
        /// Certified root.
        certified: Digest,
        /// Root to which the entry leads.
        found: Digest,
    },
}

/// Shows a label: as text if it is text, or else in hexadecimal.
fn text(label: &[u8]) -> String {
    match std::str::from_utf8(label) {
        Ok(text) if !text.chars().any(char::is_control) => format!("{text:?}"),
        _ => format!("0x{}", hex(label)),
    }
}

fn texts(path: &[Vec<u8>]) -> String {
    path.iter().map(|label| text(label)).collect::<Vec<_>>().join("/")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn gap(after: Option<&str>, before: Option<&str>) -> String {
    match (after, before) {
        (Some(after), Some(before)) => format!("between {after:?} and {before:?}"),
        (Some(after), None) => format!("after {after:?}"),
        (None, Some(before)) => format!("before {before:?}"),
        (None, None) => "there".into(),
    }
}
