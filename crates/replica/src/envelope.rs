//! Decoding and verification of the envelope of a message.

use std::time::Duration;

use candid::Principal;
use ic_transport_types::{DelegationPermissions, Envelope, EnvelopeContent, RequestId, SignedDelegation};

use crate::error::HttpError;
use crate::limits::{
    CLOCK_DRIFT, MAX_CBOR_ITEMS, MAX_DELEGATIONS, MAX_INGRESS_TTL, MAX_METHOD_BYTES, MAX_NONCE_BYTES,
    MAX_TARGETS,
};
use crate::signature::{PublicKey, SignatureError};

/// A message with a valid signature and a valid expiry.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) id: RequestId,
    pub(crate) content: EnvelopeContent,
    /// The canisters that the sender's delegations are limited to; `None` is no limit.
    targets: Option<Vec<Principal>>,
}

impl Verified {
    /// Returns whether the sender's delegations allow messages to a canister.
    pub(crate) fn is_for(&self, canister: &Principal) -> bool {
        self.targets.as_ref().is_none_or(|targets| targets.contains(canister))
    }
}

/// Decodes and verifies the body of a request.
///
/// # Errors
/// 400 if the body is not an envelope, or its expiry is out of range; 403 if the signature or a delegation is not valid.
pub(crate) fn verify(body: &[u8], now_ns: u64) -> Result<Verified, HttpError> {
    let envelope = decode(body)?;
    check_content(&envelope.content)?;
    check_expiry(envelope.content.ingress_expiry(), now_ns)?;
    let targets = check_sender(&envelope, now_ns)?;
    let content = envelope.content.into_owned();
    if let EnvelopeContent::Call { canister_id, .. } | EnvelopeContent::Query { canister_id, .. } = &content
        && targets.as_ref().is_some_and(|targets| !targets.contains(canister_id))
    {
        return Err(denied(format!("Canister {canister_id} is not one of the delegation targets.")));
    }
    Ok(Verified { id: content.to_request_id(), content, targets })
}

/// Decodes an envelope.
pub(crate) fn decode(body: &[u8]) -> Result<Envelope<'static>, HttpError> {
    if cbor_items(body) > MAX_CBOR_ITEMS {
        return Err(HttpError::bad_request(format!(
            "Could not parse body as an envelope in CBOR: it has more than the max allowed {MAX_CBOR_ITEMS} items."
        )));
    }
    serde_cbor::from_slice(body).map_err(|error| {
        HttpError::bad_request(format!("Could not parse body as an envelope in CBOR: {error}"))
    })
}

/// Counts the data items of CBOR up to its end or the first malformed one. Decoding takes about 32 bytes for each item, so a
/// body of single-byte items would take many times its size.
fn cbor_items(body: &[u8]) -> usize {
    let (mut rest, mut items) = (body, 0);
    while let Some((&head, after)) = rest.split_first() {
        items += 1;
        let length_bytes = match head & 0x1f {
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => 0,
        };
        let Some((length, after)) = after.split_at_checked(length_bytes) else { break };
        // Byte strings and texts are followed by their bytes.
        let is_string = matches!(head >> 5, 2 | 3);
        let skipped = match (is_string, head & 0x1f) {
            (true, small @ 0..24) => u64::from(small),
            (true, 24..28) => length.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)),
            _ => 0,
        };
        let Some(next) = usize::try_from(skipped).ok().and_then(|skipped| after.get(skipped..)) else {
            break;
        };
        rest = next;
    }
    items
}

/// Checks lengths, and rejects fields that this server does not support.
fn check_content(content: &EnvelopeContent) -> Result<(), HttpError> {
    let (EnvelopeContent::Call { nonce, method_name, sender_info, .. }
    | EnvelopeContent::Query { nonce, method_name, sender_info, .. }) = content
    else {
        return Ok(());
    };
    let nonce = nonce.as_ref().map_or(0, Vec::len);
    if nonce > MAX_NONCE_BYTES {
        return Err(HttpError::bad_request(format!(
            "The nonce has {nonce} bytes, which is more than the max allowed {MAX_NONCE_BYTES}."
        )));
    }
    if method_name.len() > MAX_METHOD_BYTES {
        return Err(HttpError::bad_request(format!(
            "The method name has {} bytes, which is more than the max allowed {MAX_METHOD_BYTES}.",
            method_name.len()
        )));
    }
    if sender_info.is_some() {
        return Err(HttpError::bad_request("This server does not know the field sender_info."));
    }
    Ok(())
}

/// Rejects a message that has expired, or that is valid for too long.
fn check_expiry(expiry_ns: u64, now_ns: u64) -> Result<(), HttpError> {
    let latest = now_ns.saturating_add(nanos(MAX_INGRESS_TTL + CLOCK_DRIFT));
    if (now_ns..=latest).contains(&expiry_ns) {
        return Ok(());
    }
    Err(HttpError::bad_request(format!(
        "Invalid request expiry: Specified ingress_expiry not within expected range: Minimum allowed expiry: {now_ns}, \
         Maximum allowed expiry: {latest}, Provided expiry: {expiry_ns}"
    )))
}

/// Verifies the signature of a message, and returns the targets of its delegations.
fn check_sender(envelope: &Envelope<'_>, now_ns: u64) -> Result<Option<Vec<Principal>>, HttpError> {
    let sender = *envelope.content.sender();
    let delegations = envelope.sender_delegation.as_deref().unwrap_or_default();
    let (key, signature) = match (&envelope.sender_pubkey, &envelope.sender_sig) {
        (None, None) if sender == Principal::anonymous() && delegations.is_empty() => return Ok(None),
        (None, None) => return Err(denied(format!("The message of {sender} is not signed."))),
        (Some(key), Some(signature)) => (key, signature),
        _ => return Err(denied("A signature needs both sender_pubkey and sender_sig.")),
    };
    if sender != Principal::self_authenticating(key) {
        return Err(denied(format!("The public key is not that of the sender {sender}.")));
    }
    let (key, targets) = follow(key, delegations, &envelope.content, now_ns)?;
    key.verify(&envelope.content.to_request_id().signable(), signature).map_err(invalid)?;
    Ok(targets)
}

/// Verifies a chain of delegations. Returns the key at its end, and the intersection of the targets.
fn follow(
    sender_key: &[u8],
    delegations: &[SignedDelegation],
    content: &EnvelopeContent,
    now_ns: u64,
) -> Result<(PublicKey, Option<Vec<Principal>>), HttpError> {
    if delegations.len() > MAX_DELEGATIONS {
        return Err(denied(format!(
            "The chain has {} delegations, which is more than the max allowed {MAX_DELEGATIONS}.",
            delegations.len()
        )));
    }
    let mut seen = vec![sender_key];
    let mut key = PublicKey::from_der(sender_key).map_err(invalid)?;
    let mut targets: Option<Vec<Principal>> = None;
    for SignedDelegation { delegation, signature } in delegations {
        if delegation.expiration < now_ns {
            return Err(denied(format!("A delegation has expired: {} < {now_ns}", delegation.expiration)));
        }
        if delegation.permissions == Some(DelegationPermissions::Queries)
            && matches!(content, EnvelopeContent::Call { .. })
        {
            return Err(denied("A delegation is for queries only."));
        }
        if seen.contains(&delegation.pubkey.as_slice()) {
            return Err(denied("The chain of delegations has a cycle."));
        }
        if let Some(allowed) = &delegation.targets {
            targets = Some(intersection(targets, allowed)?);
        }
        key.verify(&delegation.signable(), signature).map_err(invalid)?;
        key = PublicKey::from_der(&delegation.pubkey).map_err(invalid)?;
        seen.push(&delegation.pubkey);
    }
    Ok((key, targets))
}

fn intersection(before: Option<Vec<Principal>>, allowed: &[Principal]) -> Result<Vec<Principal>, HttpError> {
    if allowed.len() > MAX_TARGETS {
        return Err(denied(format!(
            "A delegation has {} targets, which is more than the max allowed {MAX_TARGETS}.",
            allowed.len()
        )));
    }
    Ok(match before {
        None => allowed.to_vec(),
        Some(before) => before.into_iter().filter(|target| allowed.contains(target)).collect(),
    })
}

fn invalid(error: SignatureError) -> HttpError {
    denied(format!("Invalid signature: {error}."))
}

fn denied(text: impl Into<String>) -> HttpError {
    HttpError::forbidden(text)
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A time at which the messages of the tests are valid.
    const NOW: u64 = 1_800_000_000_000_000_000;

    fn anonymous_call() -> Vec<u8> {
        let content = EnvelopeContent::Call {
            nonce: Some(vec![1; 16]),
            ingress_expiry: NOW + 1,
            sender: Principal::anonymous(),
            canister_id: Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 1]),
            method_name: "put".into(),
            arg: b"argument".to_vec(),
            sender_info: None,
        };
        let content = std::borrow::Cow::Owned(content);
        Envelope { content, sender_pubkey: None, sender_sig: None, sender_delegation: None }.encode_bytes()
    }

    #[test]
    fn items_are_counted_without_their_contents() {
        let count = |items: serde_cbor::Value| cbor_items(&serde_cbor::to_vec(&items).unwrap());
        use serde_cbor::Value::{Array, Bytes, Integer, Text};
        assert_eq!(count(Integer(5)), 1);
        assert_eq!(count(Integer(1 << 40)), 1);
        assert_eq!(count(Bytes(vec![0x80; 23])), 1);
        assert_eq!(count(Text("x".repeat(300))), 1);
        assert_eq!(count(Bytes(vec![0x80; 70_000])), 1);
        assert_eq!(count(Array(vec![Array(vec![]); 1_000])), 1_001);
        assert_eq!(cbor_items(&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x80]), 1);
        assert_eq!(cbor_items(&[0x19, 0x01]), 1);
        assert_eq!(cbor_items(&[]), 0);
    }

    #[test]
    fn an_envelope_with_too_many_items_is_rejected_before_it_is_decoded() {
        let paths = |paths: usize| {
            let label = ic_certification::Label::from_bytes(b"time");
            let paths = vec![vec![label]; paths];
            let content =
                EnvelopeContent::ReadState { ingress_expiry: NOW, sender: Principal::anonymous(), paths };
            let content = std::borrow::Cow::Owned(content);
            Envelope { content, sender_pubkey: None, sender_sig: None, sender_delegation: None }
                .encode_bytes()
        };
        assert!(decode(&paths(MAX_CBOR_ITEMS / 2 - 10)).is_ok());
        assert!(decode(&paths(MAX_CBOR_ITEMS / 2)).unwrap_err().text.contains("100000 items"));
    }

    #[test]
    fn an_anonymous_call_is_valid_until_it_expires() {
        let body = anonymous_call();
        assert!(verify(&body, NOW).is_ok());
        assert!(verify(&body, NOW + 1).is_ok());
        assert!(verify(&body, NOW + 2).is_err());
        let limit = nanos(MAX_INGRESS_TTL + CLOCK_DRIFT);
        assert!(verify(&body, NOW + 1 - limit).is_ok());
        assert!(verify(&body, NOW - limit).is_err());
    }

    /// Changed bytes are an error or another anonymous message, and never a message of someone who has not signed it.
    #[test]
    fn changed_bytes_never_yield_a_sender() {
        let sound = anonymous_call();
        for at in 0..sound.len() {
            for value in 0..=u8::MAX {
                let mut body = sound.clone();
                body[at] = value;
                if let Ok(verified) = verify(&body, NOW) {
                    assert_eq!(*verified.content.sender(), Principal::anonymous(), "byte {at} = {value}");
                }
            }
        }
    }
}
