//! Invalid arguments: they are rejected, and nothing changes.

use integration_tests::{Harness, InstallMode, contract::methods, controller, expect, init_args};
use stable_storage_api::ListArgs;
use storage_client::{Transport, TransportError};
use storage_wasm::STORAGE_WASM;

/// Every method with arguments rejects invalid Candid and other types, without changing stable memory. The method that
/// accepts even those has a separate test.
#[tokio::test]
async fn malformed_arguments_are_rejected() {
    let harness = Harness::start().await;
    let client = harness.client();
    client.put("key", b"value").await.unwrap();
    client.log("entry").await.unwrap();
    let before = harness.stable_memory().await;

    let of_other_types = candid::encode_args((true, true)).unwrap();
    let of_fewer = candid::encode_args(()).unwrap();
    for method in methods().into_iter().filter(|method| method.arity > 0 && method.name != "http_request") {
        let cut = method.args[..method.args.len() - 1].to_vec();
        let longer = [&method.args[..], b"more"].concat();
        for args in
            [vec![], b"DIDL".to_vec(), vec![0xff; 100], of_other_types.clone(), of_fewer.clone(), cut, longer]
        {
            let reply = method.call(&harness.transport(controller()), args.clone()).await;
            let rejected = matches!(reply, Err(TransportError::Rejected { code: 4 | 5, .. }));
            assert!(rejected, "{} took {args:?} and answered {reply:?}", method.name);
        }
    }
    assert!(harness.stable_memory().await == before, "a malformed argument changed stable memory");
    assert_eq!(client.get("key").await.unwrap(), b"value");
}

/// An unknown method is rejected: an update before it is executed, a query by the replica.
#[tokio::test]
async fn an_unknown_method_is_rejected() {
    let harness = Harness::start().await;
    let transport = harness.transport(controller());
    let message = expect::refusal(transport.update("no_such_method", vec![]).await);
    assert!(message.contains("there is no method \"no_such_method\""), "{message}");
    let message = expect::refusal(transport.query("no_such_method", vec![]).await);
    assert!(message.contains("no query method 'no_such_method'"), "{message}");
}

/// An upgrade with an invalid argument is rejected and changes nothing.
#[tokio::test]
async fn an_upgrade_with_a_malformed_argument_is_refused() {
    let harness = Harness::start().await;
    let client = harness.client();
    client.put("key", b"value").await.unwrap();
    let before = harness.stable_memory().await;
    let cut = init_args(None)[..5].to_vec();
    for arg in [b"garbage".to_vec(), b"DIDL\x00\x01".to_vec(), cut] {
        for mode in [InstallMode::Upgrade, InstallMode::UpgradeSkippingPreUpgrade] {
            expect::refusal(harness.install(mode, STORAGE_WASM, arg.clone()).await);
        }
    }
    assert!(harness.stable_memory().await == before, "an upgrade that was refused changed stable memory");
    assert_eq!(client.get("key").await.unwrap(), b"value");
    client.put("key", b"still writable").await.unwrap();
}

/// An upgrade or a `configure` with unknown settings is rejected with the field, although Candid would read them as null. No
/// settings are valid.
#[tokio::test]
async fn settings_that_are_not_understood_are_refused() {
    #[derive(candid::CandidType)]
    struct Capacity<T> {
        capacity: T,
    }
    #[derive(candid::CandidType)]
    struct Misspelt {
        capcity: Option<u64>,
    }
    let harness = Harness::start_with_capacity(1 << 30).await;
    let client = harness.client();
    let settings = [
        candid::encode_one(Capacity { capacity: Some(candid::Nat::from(1u64 << 31)) }).unwrap(),
        candid::encode_one(Capacity { capacity: Some("2 GiB") }).unwrap(),
        candid::encode_one(Misspelt { capcity: Some(1 << 31) }).unwrap(),
    ];
    for (at, args) in settings.iter().enumerate() {
        let upgraded = harness.install(InstallMode::Upgrade, STORAGE_WASM, args.clone()).await;
        let configured = harness.transport(controller()).update("configure", args.clone()).await;
        for message in [expect::refusal(upgraded), expect::refusal(configured)] {
            assert!(message.contains("the arguments do not match this method"), "{message}");
            assert_eq!(message.contains("the field capacity"), at < 2, "{message}");
        }
    }
    let text = candid::encode_one("garbage").unwrap();
    expect::refusal(harness.install(InstallMode::Upgrade, STORAGE_WASM, text).await);
    assert_eq!(client.get_config().await.unwrap().capacity, 1 << 30);
    let none = candid::encode_args(()).unwrap();
    harness.install(InstallMode::Upgrade, STORAGE_WASM, none).await.unwrap();
    assert_eq!(client.get_config().await.unwrap().capacity, 1 << 30);
}

/// Prefixes and cursors are not keys: they may be empty, or longer than any key.
#[tokio::test]
async fn prefixes_and_cursors_may_be_of_any_length() {
    let client = Harness::start().await.client();
    let longest = "k".repeat(1_024);
    client.put("a", b"").await.unwrap();
    client.put(&longest, b"").await.unwrap();

    let too_long = "k".repeat(5_000);
    assert_eq!(client.list_all(&too_long).await.unwrap(), []);
    assert_eq!(client.delete_all(&too_long).await.unwrap(), 0);
    assert_eq!(client.take_first(&too_long).await.unwrap(), None);
    let after = ListArgs { start_after: Some(too_long), ..ListArgs::prefix("") };
    assert_eq!(client.list(&after).await.unwrap().objects, []);
    let before =
        ListArgs { start_after: Some("k".repeat(1_023) + "j" + &"z".repeat(4_000)), ..ListArgs::prefix("") };
    assert_eq!(client.list(&before).await.unwrap().objects[0].key, longest);
}
