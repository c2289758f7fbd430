//! Checks replies of one canister.

use candid::Principal;
use ic_verify_bls_signature::PublicKey;
use sha2::{Digest as _, Sha256};
use stable_storage_api::{
    CertifiedInfo, CertifiedLogPage, CertifiedObject, CertifiedPage, ListArgs, Object, ObjectInfo, Proof,
    ReadLogArgs,
};

use crate::error::{Digest, Part, VerifyError};
use crate::limits::{MAX_AGE_NS, MAX_AHEAD_NS};
use crate::tree::{Lookup, Tree};
use crate::{certificate, key, log, page};

/// Checks the certified replies of a canister against the root key of its network.
///
/// Every method takes the current time in nanoseconds since 1970, because this crate has no clock. It must come from a source
/// that the node cannot influence, or an old reply would pass as a new one.
#[derive(Clone, Debug)]
pub struct Verifier {
    root_key: PublicKey,
    canister: Principal,
    max_age_ns: u64,
    max_ahead_ns: u64,
}

impl Verifier {
    /// Creates a verifier from the root key of the network in DER, as the network's status shows it.
    ///
    /// # Errors
    /// [`VerifyError::PublicKey`] if that is no BLS12-381 key.
    pub fn new(root_key: &[u8], canister: Principal) -> Result<Self, VerifyError> {
        let root_key = key::decode("the root key", root_key)?;
        Ok(Self { root_key, canister, max_age_ns: MAX_AGE_NS, max_ahead_ns: MAX_AHEAD_NS })
    }

    /// Creates a verifier of a canister on the mainnet of the Internet Computer.
    #[must_use]
    pub fn mainnet(canister: Principal) -> Self {
        Self::new(&key::MAINNET_ROOT_KEY, canister).expect("the constant is a key, as a test shows")
    }

    /// Sets the age from which on certificates are refused, in nanoseconds. The default is [`MAX_AGE_NS`].
    #[must_use]
    pub fn max_age(self, max_age_ns: u64) -> Self {
        Self { max_age_ns, ..self }
    }

    /// Sets the time by which certificates may be ahead of the clock, in nanoseconds. The default is [`MAX_AHEAD_NS`].
    #[must_use]
    pub fn max_ahead(self, max_ahead_ns: u64) -> Self {
        Self { max_ahead_ns, ..self }
    }

    /// Checks the reply of `get_certified`: metadata and value, or that there is no object.
    ///
    /// # Errors
    /// If anything does not match what the canister has certified.
    pub fn object<'a>(
        &self,
        key: &str,
        reply: &'a CertifiedObject,
        now_ns: u64,
    ) -> Result<Option<&'a Object>, VerifyError> {
        let object = reply.object.as_ref();
        self.check_object(key, object.map(|object| &object.info), &reply.proof, now_ns)?;
        if let Some(object) = object {
            let found = Sha256::digest(&object.value).into();
            check_value(&object.info, object.value.len() as u64, found)?;
        }
        Ok(object)
    }

    /// Checks the reply of `stat_certified`: the metadata, or that there is no object.
    ///
    /// A value that is read in ranges is then checked with [`check_value`].
    ///
    /// # Errors
    /// If anything does not match what the canister has certified.
    pub fn info<'a>(
        &self,
        key: &str,
        reply: &'a CertifiedInfo,
        now_ns: u64,
    ) -> Result<Option<&'a ObjectInfo>, VerifyError> {
        self.check_object(key, reply.info.as_ref(), &reply.proof, now_ns)?;
        Ok(reply.info.as_ref())
    }

    /// Checks the reply of `list_certified`: the metadata of the objects, and that the page has all objects under the prefix
    /// from `start_after` to its last one, or to the last one under the prefix if `next` is `None`.
    ///
    /// # Errors
    /// If anything does not match what the canister has certified.
    pub fn page<'a>(
        &self,
        args: &ListArgs,
        reply: &'a CertifiedPage,
        now_ns: u64,
    ) -> Result<&'a [ObjectInfo], VerifyError> {
        if args.delimiter.is_some() || args.descending == Some(true) {
            return Err(VerifyError::ListOptions);
        }
        let (limit, found) = (u64::from(args.most()), reply.objects.len() as u64);
        if found > limit {
            return Err(VerifyError::PageSize { limit, found });
        }
        let witness = self.check_proof(&reply.proof, now_ns)?;
        check_prefix(&witness, &args.prefix)?;
        let children = match witness.lookup(Part::Witness, &[b"objects"])? {
            Lookup::Found(objects) => objects.children(Part::Witness)?,
            Lookup::Absent => Vec::new(),
            Lookup::Unknown => return Err(VerifyError::Gap { after: None, before: None }),
        };
        page::check(args, reply, &children)?;
        Ok(&reply.objects)
    }

    /// Checks the reply of `log_certified`: that the entries are those of the log from `from` on, and its length.
    ///
    /// # Errors
    /// If anything does not match what the canister has certified.
    pub fn log<'a>(
        &self,
        args: &ReadLogArgs,
        reply: &'a CertifiedLogPage,
        now_ns: u64,
    ) -> Result<&'a [serde_bytes::ByteBuf], VerifyError> {
        let witness = self.check_proof(&reply.proof, now_ns)?;
        log::check(args, reply, witness.contents(Part::Witness, &[b"log"])?)?;
        Ok(&reply.entries)
    }

    /// Checks the metadata of an object, or its absence.
    fn check_object(
        &self,
        key: &str,
        info: Option<&ObjectInfo>,
        proof: &Proof,
        now_ns: u64,
    ) -> Result<(), VerifyError> {
        if let Some(info) = info.filter(|info| info.key != key) {
            return Err(VerifyError::OtherKey { asked: key.into(), found: info.key.clone() });
        }
        let witness = self.check_proof(proof, now_ns)?;
        match (witness.lookup(Part::Witness, &[b"objects", key.as_bytes()])?, info) {
            (Lookup::Found(leaf), Some(info)) => page::check_record(info, leaf),
            (Lookup::Found(_), None) => Err(VerifyError::Omitted { key: key.into() }),
            (Lookup::Absent, None) => check_prefix(&witness, key),
            (Lookup::Absent, Some(_)) => Err(VerifyError::Added { key: key.into() }),
            (Lookup::Unknown, _) => Err(VerifyError::NotShown { key: key.into() }),
        }
    }

    /// Checks certificate and time, and that the canister has certified the root of the witness. Returns the witness.
    fn check_proof<'a>(&self, proof: &'a Proof, now_ns: u64) -> Result<Tree<'a>, VerifyError> {
        certificate::check_size(Part::Witness, &proof.witness)?;
        let certified = certificate::check(&self.root_key, self.canister, &proof.certificate)?;
        self.check_time(certified.time_ns, now_ns)?;
        let witness = Tree::decode(Part::Witness, &proof.witness)?;
        let root = witness.digest();
        if certified.data != root.0 {
            let (canister, certified) = (self.canister, certified.data.to_vec());
            return Err(VerifyError::Root { canister, witness: root, certified });
        }
        Ok(witness)
    }

    fn check_time(&self, time_ns: u64, now_ns: u64) -> Result<(), VerifyError> {
        let Self { max_age_ns, max_ahead_ns, .. } = *self;
        if now_ns.saturating_sub(time_ns) > max_age_ns {
            return Err(VerifyError::Expired { time_ns, now_ns, max_age_ns });
        }
        if time_ns.saturating_sub(now_ns) > max_ahead_ns {
            return Err(VerifyError::Future { time_ns, now_ns, max_ahead_ns });
        }
        Ok(())
    }
}

/// Checks that the witness shows a certified prefix of a key or of a prefix. Only under such a one are all objects in the
/// tree, so only there is an object absent that is not in the tree.
fn check_prefix(witness: &Tree<'_>, prefix: &str) -> Result<(), VerifyError> {
    let not_certified = || VerifyError::NotCertified { prefix: prefix.into() };
    let Lookup::Found(prefixes) = witness.lookup(Part::Witness, &[b"prefixes"])? else {
        return Err(not_certified());
    };
    let covers = |child: &&Tree<'_>| match child {
        Tree::Labeled(label, leaf) => {
            prefix.as_bytes().starts_with(label) && matches!(**leaf, Tree::Leaf(b""))
        }
        _ => false,
    };
    let children = prefixes.children(Part::Witness)?;
    if children.iter().any(covers) { Ok(()) } else { Err(not_certified()) }
}

/// Checks size and SHA-256 of a value with the metadata of its object, which was checked before. So a value that was read in
/// ranges is verified without ever being in memory as a whole.
///
/// # Errors
/// [`VerifyError::Size`], [`VerifyError::Value`], or [`VerifyError::NoDigest`] if the canister has none.
pub fn check_value(info: &ObjectInfo, size: u64, sha256: [u8; 32]) -> Result<(), VerifyError> {
    let key = || info.key.clone();
    if info.size != size {
        return Err(VerifyError::Size { key: key(), certified: info.size, found: size });
    }
    let no_digest = || VerifyError::NoDigest { key: key() };
    let checksum = info.sha256.as_ref().ok_or_else(no_digest)?;
    let certified: [u8; 32] = checksum.digest.as_slice().try_into().map_err(|_| no_digest())?;
    if certified != sha256 {
        return Err(VerifyError::Value { key: key(), certified: Digest(certified), found: Digest(sha256) });
    }
    Ok(())
}
