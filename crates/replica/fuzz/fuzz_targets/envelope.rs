//! Any bytes as the body of a request: an error, or a message of someone who has signed it.

#![no_main]
#![allow(dead_code, reason = "the files have more than the target uses")]

#[path = "../../src/envelope.rs"]
mod envelope;
#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/limits.rs"]
mod limits;
#[path = "../../src/signature.rs"]
mod signature;

use candid::Principal;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(envelope) = envelope::decode(data) else { return };
    // At the time of its expiry, every message is valid.
    let now_ns = envelope.content.ingress_expiry();
    if let Ok(verified) = envelope::verify(data, now_ns) {
        let is_signed = envelope.sender_sig.is_some() && envelope.sender_pubkey.is_some();
        assert_eq!(is_signed, *verified.content.sender() != Principal::anonymous());
        assert_eq!(verified.id, envelope.content.to_request_id());
    }
});
