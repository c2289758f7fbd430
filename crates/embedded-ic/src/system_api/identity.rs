//! Identity, controllers and certified data of the canister.

use std::sync::Arc;

use candid::Principal;

use super::Message;
use super::heap_bytes::{copy_out, slice};
use super::kind::{ALL_BUT_START, CHANGES_STATE, NON_REPLICATED_QUERY, REPLICATED};
use crate::fault::Fault;
use crate::limits::MAX_CERTIFIED_DATA_BYTES;
use crate::signer::Signer;

/// `canister_status` of a running canister.
const RUNNING: u32 = 1;
/// `canister_status` of a stopped canister.
const STOPPED: u32 = 3;
/// Size of a root key: a BLS12-381 public key in DER.
const ROOT_KEY_BYTES: u32 = 133;
/// Size of a principal that is derived from a key, for example a subnet's.
const SUBNET_ID_BYTES: u32 = 29;

impl Message {
    pub(super) fn canister_self_size(&self) -> Result<u32, Fault> {
        self.kind.allows("canister_self_size", ALL_BUT_START)?;
        Ok(self.env.canister_id.as_slice().len() as u32)
    }

    pub(super) fn canister_self_copy(&self, heap: &mut [u8], at: (u32, u32, u32)) -> Result<(), Fault> {
        self.kind.allows("canister_self_copy", ALL_BUT_START)?;
        copy_out("canister_self_copy", self.env.canister_id.as_slice(), heap, at)
    }

    pub(super) fn subnet_self_size(&self) -> Result<u32, Fault> {
        self.kind.allows("subnet_self_size", ALL_BUT_START)?;
        Ok(SUBNET_ID_BYTES)
    }

    pub(super) fn subnet_self_copy(&self, heap: &mut [u8], at: (u32, u32, u32)) -> Result<(), Fault> {
        self.kind.allows("subnet_self_copy", ALL_BUT_START)?;
        copy_out("subnet_self_copy", self.signer()?.subnet_id().as_slice(), heap, at)
    }

    pub(super) fn root_key_size(&self) -> Result<u32, Fault> {
        self.kind.allows("root_key_size", REPLICATED)?;
        Ok(ROOT_KEY_BYTES)
    }

    pub(super) fn root_key_copy(&self, heap: &mut [u8], at: (u32, u32, u32)) -> Result<(), Fault> {
        self.kind.allows("root_key_copy", REPLICATED)?;
        copy_out("root_key_copy", self.signer()?.root_key(), heap, at)
    }

    pub(super) fn canister_status(&self) -> Result<u32, Fault> {
        self.kind.allows("canister_status", ALL_BUT_START)?;
        Ok(if self.env.running { RUNNING } else { STOPPED })
    }

    pub(super) fn canister_version(&self) -> Result<u64, Fault> {
        self.kind.allows("canister_version", ALL_BUT_START)?;
        Ok(self.env.version)
    }

    pub(super) fn in_replicated_execution(&self) -> u32 {
        u32::from(self.kind.is_replicated())
    }

    pub(super) fn is_controller(&self, heap: &[u8], src: u32, len: u32) -> Result<u32, Fault> {
        let bytes = slice("ic0.is_controller", src, len, heap)?;
        let principal = Principal::try_from_slice(bytes).map_err(|_| Fault::InvalidPrincipal)?;
        Ok(u32::from(self.env.controllers.contains(&principal)))
    }

    pub(super) fn certified_data_set(&mut self, heap: &[u8], src: u32, len: u32) -> Result<(), Fault> {
        self.kind.allows("certified_data_set", CHANGES_STATE)?;
        if u64::from(len) > MAX_CERTIFIED_DATA_BYTES {
            return Err(Fault::Contract(format!(
                "ic0_certified_data_set failed because the passed data must be no larger than \
                 {MAX_CERTIFIED_DATA_BYTES} bytes. Found {len} bytes"
            )));
        }
        self.env.certified_data = slice("ic0.certified_data_set", src, len, heap)?.to_vec();
        Ok(())
    }

    /// Whether there is a certificate: in queries, unless nothing can be signed.
    pub(super) fn data_certificate_present(&mut self) -> Result<u32, Fault> {
        self.kind.allows("data_certificate_present", ALL_BUT_START)?;
        if self.kind.allows("data_certificate_present", NON_REPLICATED_QUERY).is_err() {
            return Ok(0);
        }
        Ok(u32::from(self.certificate()?.is_some()))
    }

    pub(super) fn data_certificate_size(&mut self) -> Result<u32, Fault> {
        Ok(self.data_certificate("data_certificate_size")?.len() as u32)
    }

    pub(super) fn data_certificate_copy(
        &mut self,
        heap: &mut [u8],
        at: (u32, u32, u32),
    ) -> Result<(), Fault> {
        let certificate = self.data_certificate("data_certificate_copy")?;
        copy_out("data_certificate_copy", certificate, heap, at)
    }

    fn data_certificate(&mut self, function: &str) -> Result<&[u8], Fault> {
        self.kind.allows(function, NON_REPLICATED_QUERY)?;
        self.certificate()?
            .ok_or_else(|| Fault::Contract(format!("ic0.{function}: there is no data certificate")))
    }

    /// The certificate, which is signed when the canister first asks for it.
    fn certificate(&mut self) -> Result<Option<&[u8]>, Fault> {
        if self.certificate.is_none() {
            self.certificate = Some(self.certifier.data_certificate(&self.env).map_err(Fault::Host)?);
        }
        Ok(self.certificate.as_ref().and_then(Option::as_deref))
    }

    fn signer(&self) -> Result<Arc<Signer>, Fault> {
        self.certifier.keyring.signer().map_err(Fault::Host)
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::test_message;
    use super::*;
    use crate::system_api::Kind;

    #[test]
    fn controllers_are_recognised_by_their_bytes() {
        let message = test_message(Kind::Query);
        assert_eq!(message.is_controller(&[7; 5], 0, 5).unwrap(), 1);
        assert_eq!(message.is_controller(&[7; 5], 0, 4).unwrap(), 0);
        assert_eq!(message.is_controller(&[], 0, 0).unwrap(), 0);
        assert!(matches!(message.is_controller(&[0; 99], 0, 99), Err(Fault::InvalidPrincipal)));
        assert!(matches!(message.is_controller(&[7; 5], 1, 5), Err(Fault::Contract(_))));
    }

    #[test]
    fn certified_data_has_at_most_32_bytes_and_is_for_updates() {
        let mut message = test_message(Kind::Update);
        message.certified_data_set(&[5; 33], 0, 32).unwrap();
        assert_eq!(message.env.certified_data, [5; 32]);
        assert!(
            message.certified_data_set(&[5; 33], 0, 33).unwrap_err().to_string().ends_with("Found 33 bytes")
        );
        message.certified_data_set(&[], 0, 0).unwrap();
        assert_eq!(message.env.certified_data, [0; 0]);
        assert!(test_message(Kind::Query).certified_data_set(&[], 0, 0).is_err());
        assert_eq!(message.data_certificate_present().unwrap(), 0);
        assert!(message.data_certificate_size().unwrap_err().to_string().contains("update mode"));
    }

    #[test]
    fn identities_have_their_sizes() {
        let message = test_message(Kind::Update);
        let mut heap = [0; 200];
        assert_eq!(message.canister_self_size().unwrap(), 3);
        message.canister_self_copy(&mut heap, (0, 0, 3)).unwrap();
        assert_eq!(heap[..4], [1, 2, 3, 0]);
        assert_eq!(message.subnet_self_size().unwrap(), 29);
        message.subnet_self_copy(&mut heap, (0, 0, 29)).unwrap();
        assert_eq!(heap[28], 2);
        assert_eq!(message.root_key_size().unwrap(), 133);
        message.root_key_copy(&mut heap, (0, 0, 133)).unwrap();
        assert_eq!(heap[..2], [0x30, 0x81]);
        assert!(message.root_key_copy(&mut heap, (0, 0, 134)).is_err());
        assert_eq!((message.canister_status().unwrap(), message.canister_version().unwrap()), (1, 3));
        assert_eq!(message.in_replicated_execution(), 1);
        assert_eq!(test_message(Kind::Inspect).in_replicated_execution(), 0);
    }
}
