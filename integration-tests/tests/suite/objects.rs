//! Single objects.

use integration_tests::{Harness, data, expect};
use stable_storage_api::{Error, limits::MAX_KEY_BYTES, limits::MAX_PAYLOAD_BYTES};
use storage_engine::INLINE_LIMIT;

const MAX_PAYLOAD: usize = MAX_PAYLOAD_BYTES as usize;
const MAX_KEY: usize = MAX_KEY_BYTES as usize;
const INLINE: usize = INLINE_LIMIT as usize;

/// Sizes at limits: the empty value, the largest inline one, and the largest.
const SIZES: [usize; 8] = [0, 1, INLINE - 1, INLINE, INLINE + 1, 65_536, MAX_PAYLOAD - 1, MAX_PAYLOAD];

/// A value of any size is read back byte for byte, and its size is known without reading it.
#[tokio::test]
async fn a_value_comes_back_as_it_was_put() {
    let client = Harness::start().await.client();
    for size in SIZES {
        let key = format!("size/{size}");
        let value = data::bytes(size as u64, size);
        let written = client.put(&key, &value).await.unwrap();
        let info = client.stat(&key).await.unwrap();
        assert_eq!((info.key, info.size, info.revision), (key, size as u64, written.revision));
    }
    for size in SIZES {
        let value = client.get(&format!("size/{size}")).await.unwrap();
        assert!(value == data::bytes(size as u64, size), "the value of {size} bytes came back changed");
    }
}

/// A value of any size can replace a value of any other size, and only the new one remains.
#[tokio::test]
async fn an_overwrite_leaves_only_the_new_value() {
    let client = Harness::start().await.client();
    for (round, from) in SIZES.into_iter().enumerate() {
        for to in SIZES {
            client.put("key", &data::bytes(1, from)).await.unwrap();
            let value = data::bytes(round as u64 + 2, to);
            client.put("key", &value).await.unwrap();
            assert!(
                client.get("key").await.unwrap() == value,
                "{from} bytes replaced by {to} came back changed"
            );
        }
    }
    let status = client.status().await.unwrap();
    assert_eq!((status.objects, status.object_bytes), (1, MAX_PAYLOAD as u64));
}

/// A value one byte too long is rejected with its size and the limit, and the old value stays.
#[tokio::test]
async fn a_value_one_byte_too_long_is_refused() {
    let client = Harness::start().await.client();
    client.put("key", b"old").await.unwrap();
    let before = client.status().await.unwrap();

    let error = expect::refused(client.put("key", &vec![7; MAX_PAYLOAD + 1]).await);
    assert!(error.contains("too large: 2031617 bytes, the limit is 2031616"), "{error}");
    assert_eq!(client.get("key").await.unwrap(), b"old");
    assert_eq!(client.status().await.unwrap().revision, before.revision);
}

/// Keys of 1 and of 1,024 bytes are accepted, with any characters.
#[tokio::test]
async fn the_shortest_and_the_longest_keys_are_taken() {
    let client = Harness::start().await.client();
    let two_bytes_each = "é".repeat(MAX_KEY / 2);
    let four_bytes_each = "🦀".repeat(MAX_KEY / 4);
    let odd = ["\0", " ", "\u{10FFFF}", "a\nb", "../..", "ключ", "鍵"];
    let keys = odd.map(str::to_owned).into_iter().chain([
        data::key_of_length(1),
        data::key_of_length(MAX_KEY - 1),
        data::key_of_length(MAX_KEY),
        two_bytes_each,
        four_bytes_each,
    ]);
    for (seed, key) in keys.enumerate() {
        let value = data::bytes(seed as u64, 100);
        client.put(&key, &value).await.unwrap();
        assert_eq!(client.stat(&key).await.unwrap().key, key);
        assert_eq!(client.get(&key).await.unwrap(), value);
        assert!(client.delete(&key).await.unwrap());
    }
}

/// An empty key and one of 1,025 bytes are rejected by every method with a key, and nothing changes.
#[tokio::test]
async fn an_empty_or_too_long_key_is_refused() {
    let client = Harness::start().await.client();
    client.put("key", b"value").await.unwrap();
    let before = client.status().await.unwrap();

    for bad in [String::new(), data::key_of_length(MAX_KEY + 1), "é".repeat(MAX_KEY / 2) + "k"] {
        let errors = [
            expect::refused(client.put(&bad, b"").await),
            expect::refused(client.get(&bad).await),
            expect::refused(client.stat(&bad).await),
            expect::refused(client.delete(&bad).await),
            expect::refused(client.rename(&bad, "to").await),
            expect::refused(client.rename("key", &bad).await),
            expect::refused(client.get_many(&["key", &bad]).await),
        ];
        for error in errors {
            assert!(error.contains("invalid argument: the key"), "a key of {} bytes gave {error}", bad.len());
        }
    }
    assert_eq!(client.status().await.unwrap().revision, before.revision);
    assert_eq!(client.get("key").await.unwrap(), b"value");
}

/// If there is no object, reads return an error, and a delete returns that it removed nothing.
#[tokio::test]
async fn missing_object_is_not_found() {
    let client = Harness::start().await.client();
    assert_eq!(expect::storage_error(client.get("nothing").await), Error::NotFound);
    assert_eq!(expect::storage_error(client.stat("nothing").await), Error::NotFound);
    assert_eq!(expect::storage_error(client.rename("nothing", "to").await), Error::NotFound);
    assert!(!client.delete("nothing").await.unwrap());
}

/// A deleted object is gone for every read, and its key can be used again.
#[tokio::test]
async fn a_deleted_object_is_gone() {
    let client = Harness::start().await.client();
    for size in SIZES {
        client.put("key", &data::bytes(1, size)).await.unwrap();
        assert!(client.delete("key").await.unwrap());
        assert_eq!(expect::storage_error(client.get("key").await), Error::NotFound);
        assert_eq!(client.list_all("").await.unwrap(), []);
        assert!(!client.delete("key").await.unwrap());
    }
    let status = client.status().await.unwrap();
    assert_eq!((status.objects, status.object_bytes), (0, 0));
}

/// The space of deleted and overwritten objects is reused: the canister does not grow with the number of changes.
#[tokio::test]
async fn freed_space_is_used_again() {
    let client = Harness::start().await.client();
    let empty = client.status().await.unwrap();
    let value = data::bytes(5, 1_000_000);
    let keys = ["a", "b", "c", "d"];
    let mut grown = 0;
    for round in 0..20 {
        for key in keys {
            client.put(key, &value).await.unwrap();
        }
        // An overwrite needs space for both values, so the first two rounds may still grow.
        let stable_bytes = client.status().await.unwrap().stable_bytes;
        assert!(round < 2 || stable_bytes == grown, "round {round} grew stable memory to {stable_bytes}");
        grown = stable_bytes;
        if round % 2 == 1 {
            assert_eq!(client.delete_all("").await.unwrap(), keys.len() as u64);
        }
    }
    client.delete_all("").await.unwrap();
    let arena = client.status().await.unwrap().arena;
    assert_eq!((arena.used_bytes, arena.extents), (empty.arena.used_bytes, empty.arena.extents));
}

/// A rename moves the value with its metadata, and the old key is free.
#[tokio::test]
async fn a_rename_moves_the_object() {
    let client = Harness::start().await.client();
    for size in SIZES {
        let value = data::bytes(size as u64, size);
        let put = client.put("from", &value).await.unwrap();
        let renamed = client.rename("from", "to").await.unwrap();
        assert!(renamed.revision > put.revision);
        let info = client.stat("to").await.unwrap();
        assert_eq!((info.key.as_str(), info.size, info.revision), ("to", size as u64, renamed.revision));
        assert_eq!(expect::storage_error(client.get("from").await), Error::NotFound);
        assert!(
            client.get("to").await.unwrap() == value,
            "the value of {size} bytes changed when it was renamed"
        );
    }
    // Each rename but the first replaced an existing object.
    assert_eq!(client.status().await.unwrap().objects, 1);
}

/// A rename to the same key keeps the object.
#[tokio::test]
async fn a_rename_to_itself_keeps_the_object() {
    let client = Harness::start().await.client();
    for size in [10, 100_000] {
        let value = data::bytes(1, size);
        client.put("key", &value).await.unwrap();
        client.rename("key", "key").await.unwrap();
        assert_eq!(client.get("key").await.unwrap(), value);
    }
    let status = client.status().await.unwrap();
    assert_eq!((status.objects, status.object_bytes), (1, 100_000));
}
