//! Certificates: a state tree, signed by a subnet, whose key the root key signed.

use candid::Principal;
use ic_verify_bls_signature::PublicKey;

use crate::cbor::Reader;
use crate::error::{Part, VerifyError};
use crate::key;
use crate::limits::MAX_PROOF_BYTES;
use crate::tree::{Lookup, Tree};

/// A certificate that has been decoded, and not been checked.
struct Certificate<'a> {
    tree: Tree<'a>,
    signature: &'a [u8],
    delegation: Option<Delegation<'a>>,
}

struct Delegation<'a> {
    subnet: &'a [u8],
    certificate: &'a [u8],
}

/// What a certificate proves.
pub(crate) struct Certified<'a> {
    /// The certified data of the canister.
    pub(crate) data: &'a [u8],
    /// When it was signed, in nanoseconds since 1970.
    pub(crate) time_ns: u64,
}

/// Checks the signatures of a certificate, and that the subnet that signed it is responsible for the canister.
pub(crate) fn check<'a>(
    root_key: &PublicKey,
    canister: Principal,
    bytes: &'a [u8],
) -> Result<Certified<'a>, VerifyError> {
    check_size(Part::Certificate, bytes)?;
    let certificate = Certificate::decode(Part::Certificate, bytes)?;
    let subnet_key = match &certificate.delegation {
        None => None,
        Some(delegation) => Some(delegated_key(root_key, canister, delegation)?),
    };
    let tree = &certificate.tree;
    let signer = subnet_key.as_ref().unwrap_or(root_key);
    key::check(signer, Part::Certificate, tree.digest(), certificate.signature)?;
    let path: [&[u8]; 3] = [b"canister", canister.as_slice(), b"certified_data"];
    let data = tree.contents(Part::Certificate, &path)?;
    let time = tree.contents(Part::Certificate, &[b"time"])?;
    Ok(Certified { data, time_ns: leb128(time).ok_or(VerifyError::Time)? })
}

/// Refuses what is larger than any reply, before it is decoded.
pub(crate) fn check_size(part: Part, bytes: &[u8]) -> Result<(), VerifyError> {
    let (bytes, limit) = (bytes.len(), MAX_PROOF_BYTES);
    if bytes > limit { Err(VerifyError::TooLarge { part, bytes, limit }) } else { Ok(()) }
}

/// Returns the key of the subnet to which the root key delegates the canister.
fn delegated_key(
    root_key: &PublicKey,
    canister: Principal,
    delegation: &Delegation<'_>,
) -> Result<PublicKey, VerifyError> {
    let certificate = Certificate::decode(Part::Delegation, delegation.certificate)?;
    if certificate.delegation.is_some() {
        return Err(VerifyError::NestedDelegation);
    }
    let tree = &certificate.tree;
    key::check(root_key, Part::Delegation, tree.digest(), certificate.signature)?;
    let ranges = ranges(tree, delegation.subnet, canister)?;
    if !is_within(ranges, canister)? {
        let subnet = Principal::try_from_slice(delegation.subnet).unwrap_or(Principal::anonymous());
        return Err(VerifyError::CanisterRange { canister, subnet });
    }
    let path: [&[u8]; 3] = [b"subnet", delegation.subnet, b"public_key"];
    key::decode("the key of the subnet", tree.contents(Part::Delegation, &path)?)
}

/// Returns the encoded ranges of a subnet among which the canister has to be.
///
/// They are in shards, each under the first canister of its ranges. Certificates of older replicas have one list instead.
fn ranges<'a>(tree: &Tree<'a>, subnet: &[u8], canister: Principal) -> Result<&'a [u8], VerifyError> {
    let part = Part::Delegation;
    let Lookup::Found(shards) = tree.lookup(part, &[b"canister_ranges", subnet])? else {
        return tree.contents(part, &[b"subnet", subnet, b"canister_ranges"]);
    };
    let shards = shards.children(part)?;
    let after = |shard: &&Tree<'_>| shard.label().is_some_and(|first| first > canister.as_slice());
    let shard = shards.iter().take_while(|shard| !after(shard)).last();
    match shard {
        Some(Tree::Labeled(_, below)) => below.contents(part, &[]),
        _ => Err(VerifyError::NotInTree {
            part,
            path: vec![b"canister_ranges".to_vec(), subnet.to_vec(), canister.as_slice().to_vec()],
        }),
    }
}

/// Whether the canister is in one of the ranges. The order of canisters is that of their bytes.
fn is_within(ranges: &[u8], canister: Principal) -> Result<bool, VerifyError> {
    let mut reader = Reader::new(Part::CanisterRanges, ranges);
    let mut is_within = false;
    for _ in 0..reader.array()? {
        if reader.array()? != 2 {
            return Err(reader.error("a range has two ends"));
        }
        let (first, last) = (reader.bytes()?, reader.bytes()?);
        is_within |= first <= canister.as_slice() && canister.as_slice() <= last;
    }
    reader.end()?;
    Ok(is_within)
}

impl<'a> Certificate<'a> {
    fn decode(part: Part, bytes: &'a [u8]) -> Result<Self, VerifyError> {
        let mut reader = Reader::new(part, bytes);
        let (mut tree, mut signature, mut delegation) = (None, None, None);
        for _ in 0..reader.map()? {
            let is_new = match reader.text()? {
                b"tree" => tree.replace(Tree::read(&mut reader)?).is_none(),
                b"signature" => signature.replace(reader.bytes()?).is_none(),
                b"delegation" => delegation.replace(Delegation::read(&mut reader)?).is_none(),
                _ => return Err(reader.error("a certificate has no such field")),
            };
            if !is_new {
                return Err(reader.error("a field occurs twice"));
            }
        }
        let missing = reader.error("a tree and a signature are expected");
        reader.end()?;
        let (Some(tree), Some(signature)) = (tree, signature) else { return Err(missing) };
        Ok(Self { tree, signature, delegation })
    }
}

impl<'a> Delegation<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, VerifyError> {
        let (mut subnet, mut certificate) = (None, None);
        for _ in 0..reader.map()? {
            let field = match reader.text()? {
                b"subnet_id" => &mut subnet,
                b"certificate" => &mut certificate,
                _ => return Err(reader.error("a delegation has no such field")),
            };
            if field.replace(reader.bytes()?).is_some() {
                return Err(reader.error("a field occurs twice"));
            }
        }
        match (subnet, certificate) {
            (Some(subnet), Some(certificate)) => Ok(Self { subnet, certificate }),
            _ => Err(reader.error("a subnet and a certificate are expected")),
        }
    }
}

/// Decodes a number as state trees have it: seven bits per byte, the lowest first.
fn leb128(bytes: &[u8]) -> Option<u64> {
    let (&last, _) = bytes.split_last()?;
    let mut value = 0_u64;
    for (index, &byte) in bytes.iter().enumerate() {
        let bits = u64::from(byte & 0x7f);
        let shift = u32::try_from(7 * index).ok().filter(|shift| *shift < u64::BITS)?;
        if (bits << shift) >> shift != bits || (index + 1 < bytes.len()) != (byte & 0x80 != 0) {
            return None;
        }
        value |= bits << shift;
    }
    (last != 0 || bytes.len() == 1).then_some(value)
}
