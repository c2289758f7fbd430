//! Authentication: signatures, delegations and expiry.

use std::time::Duration;

use candid::Principal;
use ic_agent::{
    Identity,
    identity::{BasicIdentity, DelegatedIdentity, Delegation, SignedDelegation},
};
use ic_transport_types::EnvelopeContent;

use crate::agents::{p256, secp256k1};
use crate::harness::{Server, by, call, envelope, expiring, in_future, now_ns, query, signed, unsigned};

const HOUR: Duration = Duration::from_secs(3_600);

fn key(number: u8) -> BasicIdentity {
    BasicIdentity::from_raw_key(&[number; 32])
}

/// A delegation by an identity to another one.
fn delegation(
    from: &dyn Identity,
    to: &dyn Identity,
    expiration: u64,
    targets: Option<Vec<Principal>>,
) -> SignedDelegation {
    let delegation = Delegation { pubkey: to.public_key().unwrap(), expiration, targets, permissions: None };
    let signature = from.sign_delegation(&delegation).unwrap().signature.unwrap();
    SignedDelegation { delegation, signature }
}

fn delegated(from: &dyn Identity, to: BasicIdentity, chain: Vec<SignedDelegation>) -> DelegatedIdentity {
    DelegatedIdentity::new_unchecked(from.public_key().unwrap(), Box::new(to), chain)
}

/// A message whose expiry is in the past or too far in the future is rejected.
#[tokio::test]
async fn messages_with_an_expiry_out_of_range_are_rejected() {
    let server = Server::start().await;
    for at in [0, 1, now_ns() - 1_000, in_future(HOUR), u64::MAX] {
        for content in [call(server.canister, "count", b""), query(server.canister, "read", b"")] {
            let endpoint =
                if matches!(content, EnvelopeContent::Call { .. }) { "v3/call" } else { "v3/query" };
            let answer = server.post(endpoint, &unsigned(expiring(content, at))).await;
            answer.expect(400, "Invalid request expiry: Specified ingress_expiry not within expected range");
        }
    }
    let last = expiring(call(server.canister, "count", b""), in_future(Duration::from_secs(5 * 60 + 55)));
    assert_eq!(server.post("v3/call", &unsigned(last)).await.status, 200);
    assert_eq!(server.counted().await, 1);
    server.stop().await;
}

/// Missing, forged and foreign signatures are rejected.
#[tokio::test]
async fn forged_signatures_are_rejected() {
    let server = Server::start().await;
    let content = || call(server.canister, "count", b"");
    let identities: [Box<dyn Identity>; 3] = [Box::new(key(1)), Box::new(secp256k1()), Box::new(p256())];
    for identity in identities {
        let sound = signed(content(), &*identity);
        let who = identity.sender().unwrap();
        server
            .post("v3/call", &envelope(by(content(), who)).encode_bytes())
            .await
            .expect(403, "is not signed");
        let mut forged = sound.clone();
        forged.content = std::borrow::Cow::Owned(by(call(server.canister, "count", b"x"), who));
        server.post("v3/call", &forged.encode_bytes()).await.expect(403, "not of this message");
        for at in [0, 31, 63] {
            let mut forged = sound.clone();
            forged.sender_sig.as_mut().unwrap()[at] ^= 1;
            server.post("v3/call", &forged.encode_bytes()).await.expect(403, "Invalid signature");
        }
        for length in [0, 63, 65, 1_000] {
            let mut forged = sound.clone();
            forged.sender_sig = Some(vec![1; length]);
            server.post("v3/call", &forged.encode_bytes()).await.expect(403, "64 bytes");
        }
        let mut forged = sound.clone();
        forged.sender_pubkey = key(2).public_key();
        server.post("v3/call", &forged.encode_bytes()).await.expect(403, "not that of the sender");
        let mut forged = sound.clone();
        forged.sender_sig = None;
        server.post("v3/call", &forged.encode_bytes()).await.expect(403, "both sender_pubkey and sender_sig");
    }
    assert_eq!(server.counted().await, 0);
    server.stop().await;
}

/// Unsupported kinds of keys are rejected, and the error names the kind.
#[tokio::test]
async fn unsupported_keys_are_rejected() {
    let server = Server::start().await;
    let der = |oid_end: u8| {
        let mut der =
            vec![0x30, 0x12, 0x30, 0x0c, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xb8, 0x43, 0x01];
        der.extend([oid_end, 0x03, 0x02, 0x00, 0x01]);
        der
    };
    for (key, words) in [
        (der(1), "WebAuthn"),
        (der(2), "that of a canister"),
        (vec![], "not a DER-encoded"),
        (vec![0x30; 5_000], "not a DER-encoded"),
    ] {
        let mut message =
            envelope(by(call(server.canister, "count", b""), Principal::self_authenticating(&key)));
        message.sender_pubkey = Some(key);
        message.sender_sig = Some(vec![1; 64]);
        server.post("v3/call", &message.encode_bytes()).await.expect(403, words);
    }
    server.stop().await;
}

/// The last key of a chain of 20 delegations acts as the first; 21 delegations are rejected.
#[tokio::test]
async fn chains_of_up_to_20_delegations_are_accepted() {
    let server = Server::start().await;
    let until = in_future(HOUR);
    let mut chain = vec![delegation(&secp256k1(), &key(1), until, None)];
    chain.extend((1..20).map(|number| {
        let targets = Some(vec![server.canister, Principal::management_canister()]);
        delegation(&key(number), &key(number + 1), until, targets)
    }));
    let agent = server.agent(delegated(&secp256k1(), key(20), chain.clone())).await;
    let reply = agent.query(&server.canister, "whoami").call().await.unwrap();
    assert_eq!(Principal::from_slice(&reply), secp256k1().sender().unwrap());
    agent.update(&server.canister, "count").call_and_wait().await.unwrap();
    chain.push(delegation(&key(20), &key(21), until, None));
    let message = signed(call(server.canister, "count", b""), &delegated(&secp256k1(), key(21), chain));
    server.post("v3/call", &message.encode_bytes()).await.expect(403, "21 delegations");
    assert_eq!(server.counted().await, 1);
    server.stop().await;
}

/// Delegations that are expired, for another canister, forged or cyclic are rejected.
#[tokio::test]
async fn invalid_delegations_are_rejected() {
    let server = Server::start().await;
    let until = in_future(HOUR);
    let other = Principal::from_slice(&[9; 10]);
    let one = |to, until, targets| vec![delegation(&key(1), to, until, targets)];
    let forged = vec![delegation(&key(3), &key(2), until, None)];
    let back = vec![delegation(&key(1), &key(2), until, None), delegation(&key(2), &key(1), until, None)];
    let narrowed = vec![
        delegation(&key(1), &key(3), until, Some(vec![server.canister])),
        delegation(&key(3), &key(2), until, Some(vec![other])),
    ];
    let too_many = Some(vec![server.canister; 1_001]);
    let cases = [
        (one(&key(2), now_ns() - 1, None), 2, "has expired"),
        (one(&key(2), until, Some(vec![other])), 2, "not one of the delegation targets"),
        (one(&key(2), until, Some(vec![])), 2, "not one of the delegation targets"),
        (one(&key(2), until, too_many), 2, "1001 targets"),
        (narrowed, 2, "not one of the delegation targets"),
        (forged, 2, "not of this message"),
        (back, 1, "cycle"),
        (one(&key(3), until, None), 2, "not of this message"),
    ];
    for (chain, signer, words) in cases {
        let message = signed(call(server.canister, "count", b""), &delegated(&key(1), key(signer), chain));
        server.post("v3/call", &message.encode_bytes()).await.expect(403, words);
    }
    assert_eq!(server.counted().await, 0);
    server.stop().await;
}

/// A delegation for queries allows no calls.
#[tokio::test]
async fn a_delegation_for_queries_allows_no_calls() {
    let server = Server::start().await;
    let delegation = Delegation {
        pubkey: key(2).public_key().unwrap(),
        expiration: in_future(HOUR),
        targets: None,
        permissions: Some(ic_transport_types::DelegationPermissions::Queries),
    };
    let signature = key(1).sign_delegation(&delegation).unwrap().signature.unwrap();
    let identity = delegated(&key(1), key(2), vec![SignedDelegation { delegation, signature }]);
    let message = signed(call(server.canister, "count", b""), &identity);
    server.post("v3/call", &message.encode_bytes()).await.expect(403, "for queries only");
    let message = signed(query(server.canister, "whoami", b""), &identity);
    assert_eq!(server.post("v3/query", &message.encode_bytes()).await.status, 200);
    server.stop().await;
}

/// A message for another canister, to the URL of another canister, or of another request type is rejected.
#[tokio::test]
async fn messages_for_another_canister_are_rejected() {
    let server = Server::start().await;
    let other = Principal::from_slice(&[9; 10]);
    server.post("v3/call", &unsigned(call(other, "count", b""))).await.expect(400, "is not on this server");
    server.post("v3/query", &unsigned(query(other, "read", b""))).await.expect(400, "is not on this server");
    server.post("v3/query", &unsigned(call(server.canister, "count", b""))).await.expect(400, "type query");
    server.post("v3/call", &unsigned(query(server.canister, "read", b""))).await.expect(400, "type call");
    server
        .post("v3/read_state", &unsigned(query(server.canister, "read", b"")))
        .await
        .expect(400, "type read_state");
    let elsewhere = crate::harness::request(
        &format!("/api/v3/canister/{other}/call"),
        &unsigned(call(server.canister, "count", b"")),
    );
    server.send(&elsewhere).await.expect(400, "does not match");
    let nowhere = crate::harness::request("/api/v3/canister/invalid/call", b"");
    server.send(&nowhere).await.expect(400, "is not a principal");
    assert_eq!(server.counted().await, 0);
    server.stop().await;
}
