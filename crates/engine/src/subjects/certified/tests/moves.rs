//! Objects that come under a certified prefix.

use super::*;

#[test]
fn an_object_that_moves_under_a_prefix_gets_its_digest() {
    let mut store = store();
    certify(&mut store, "a/");
    put(&mut store, "from", b"value");
    let mut rename = |from: &str, to: &str| {
        store.rename(&RenameArgs { from: from.into(), to: to.into(), condition: None }, 8).unwrap();
        sound(&store);
        store.stat(to).unwrap().sha256.map(|checksum| checksum.state)
    };
    assert_eq!(rename("from", "b/to"), None);
    assert_eq!(rename("b/to", "a/to"), Some(ChecksumState::Verified));
    assert_eq!(rename("a/to", "out"), Some(ChecksumState::Verified));
    assert_eq!(store.list_certified(&ListArgs::prefix("a/")).unwrap().contents.objects, []);
}

/// What is too large to be hashed in one message keeps what was declared, and a verification that has begun starts again.
#[test]
fn a_large_object_that_moves_under_a_prefix_waits_for_its_verification() {
    let mut store = store();
    certify(&mut store, "a/");
    for (size, is_verified) in [(MAX_PAYLOAD_BYTES, true), (MAX_PAYLOAD_BYTES + 1, false)] {
        upload(&mut store, "from", &vec![5; size as usize]);
        store.objects().verify_in_steps("from", 65_536).unwrap();
        store.rename(&RenameArgs { from: "from".into(), to: "a/to".into(), condition: None }, 8).unwrap();
        sound(&store);
        assert_eq!(store.stat("a/to").unwrap().sha256.is_some(), is_verified, "{size} bytes");
        let hashed = if is_verified { 0 } else { 65_536 };
        assert_eq!(store.objects().hashed_bytes("a/to").unwrap(), hashed);
        store.delete("a/to").unwrap();
    }
    put(&mut store, "out", b"value");
    assert_eq!(store.stat("out").unwrap().sha256, None, "nothing of it is certified");
}

/// A copy gets its digest as well, and leaves its source as it is.
#[test]
fn a_copy_under_a_certified_prefix_is_certified() {
    let mut store = store();
    certify(&mut store, "a/");
    let admin = Caller { principal: candid::Principal::anonymous(), is_admin: true };
    for size in [3, 70_000] {
        put(&mut store, "from", &vec![5; size]);
        store.copy(&CopyArgs::new("from", "a/to"), &admin, 8).unwrap();
        sound(&store);
        let object = store.get_certified("a/to").unwrap().contents.unwrap();
        assert_eq!(object.value.len(), size);
        assert_eq!(object.info.sha256.unwrap().state, ChecksumState::Verified);
        assert_eq!(store.stat("from").unwrap().sha256, None);
        store.copy(&CopyArgs::new("a/to", "a/to"), &admin, 9).unwrap();
        store.copy(&CopyArgs::new("a/to", "out"), &admin, 9).unwrap();
        sound(&store);
        assert_eq!(store.get_certified("a/to").unwrap().contents.unwrap().info.modified_ns, 9);
    }
}
