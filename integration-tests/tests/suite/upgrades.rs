//! Upgrades: nothing is lost, with or without `pre_upgrade`, and foreign memory is left alone.

use integration_tests::{
    Harness, InstallMode, SuiteClient, data, expect, foreign, init_args, snapshot::Snapshot,
};
use stable_storage_api::{InitArgs, PutArgs};
use storage_client::TransportError;
use storage_engine::{header::HEADER_BYTES, header::LAYOUT_VERSION_OFFSET, layout::LAYOUT_VERSION};
use storage_wasm::STORAGE_WASM;

/// One of each kind of write.
#[derive(Clone, Copy, Debug)]
enum Write {
    PutEmpty,
    PutInline,
    PutLarge,
    OverwriteInlineWithLarge,
    OverwriteLargeWithInline,
    PutMany,
    Rename,
    Delete,
    DeletePrefix,
    TakeFirst,
    Log,
    Append,
}

impl Write {
    const ALL: [Self; 12] = [
        Self::PutEmpty,
        Self::PutInline,
        Self::PutLarge,
        Self::OverwriteInlineWithLarge,
        Self::OverwriteLargeWithInline,
        Self::PutMany,
        Self::Rename,
        Self::Delete,
        Self::DeletePrefix,
        Self::TakeFirst,
        Self::Log,
        Self::Append,
    ];

    async fn make(self, client: &SuiteClient) {
        match self {
            Self::PutEmpty => _ = client.put("empty", b"").await.unwrap(),
            Self::PutInline => _ = client.put("inline", b"small").await.unwrap(),
            Self::PutLarge => _ = client.put("large", &data::bytes(1, 300_000)).await.unwrap(),
            Self::OverwriteInlineWithLarge => {
                _ = client.put("inline", &data::bytes(2, 40_000)).await.unwrap()
            }
            Self::OverwriteLargeWithInline => _ = client.put("large", b"small now").await.unwrap(),
            Self::PutMany => {
                let objects =
                    [5, 50_000, 0].map(|size| PutArgs::new(format!("batch/{size}"), data::bytes(3, size)));
                client.put_many(&objects).await.unwrap();
            }
            Self::Rename => _ = client.rename("batch/50000", "renamed").await.unwrap(),
            Self::Delete => assert!(client.delete("inline").await.unwrap()),
            Self::DeletePrefix => assert_eq!(client.delete_prefix("batch/", 1).await.unwrap().deleted, 1),
            Self::TakeFirst => assert!(client.take_first("batch/").await.unwrap().is_some()),
            Self::Log => client.log("a line").await.unwrap(),
            Self::Append => drop(client.append(&[data::bytes(4, 100_000), vec![], vec![255]]).await.unwrap()),
        }
    }
}

/// Returns a canister with some of everything.
async fn filled() -> (Harness, SuiteClient) {
    let harness = Harness::start().await;
    let client = harness.client();
    for write in Write::ALL {
        write.make(&client).await;
    }
    (harness, client)
}

/// After each kind of write, both kinds of upgrade leave everything unchanged, to the last block of the arena.
#[tokio::test]
async fn an_upgrade_after_any_write_loses_nothing() {
    let harness = Harness::start().await;
    let client = harness.client();
    for write in Write::ALL {
        write.make(&client).await;
        let before = Snapshot::of(&client).await;
        harness.upgrade().await;
        assert!(Snapshot::of(&client).await == before, "an upgrade after {write:?} changed what is stored");
        harness.upgrade_skipping_pre_upgrade().await;
        assert!(
            Snapshot::of(&client).await == before,
            "an upgrade without pre_upgrade after {write:?} changed it"
        );
    }
}

/// Any write can follow an upgrade: the upgraded canister continues where the old one stopped.
#[tokio::test]
async fn writes_continue_after_an_upgrade() {
    let (plain, upgraded) = (Harness::start().await, Harness::start().await);
    for (number, write) in Write::ALL.into_iter().enumerate() {
        write.make(&plain.client()).await;
        match number % 2 {
            0 => drop(upgraded.upgrade().await),
            _ => drop(upgraded.upgrade_skipping_pre_upgrade().await),
        }
        write.make(&upgraded.client()).await;
    }
    let [expected, found] =
        [plain, upgraded].map(|harness| async move { Snapshot::of(&harness.client()).await });
    let (mut expected, mut found) = (expected.await, found.await);
    for object in expected.objects.iter_mut().chain(&mut found.objects) {
        // The two canisters have different clocks.
        (object.created_ns, object.modified_ns) = (0, 0);
    }
    assert!(found == expected, "with upgrades between the writes something else is stored");
}

/// The status counts upgrades and reports whether the last one ran `pre_upgrade`.
#[tokio::test]
async fn the_status_tells_of_the_upgrades() {
    let harness = Harness::start().await;
    let client = harness.client();
    for (count, sealed) in [(1, true), (2, false), (3, false), (4, true)] {
        match sealed {
            true => harness.upgrade().await,
            false => harness.upgrade_skipping_pre_upgrade().await,
        };
        let upgrades = client.status().await.unwrap().upgrades;
        assert_eq!((upgrades.count, upgrades.last_was_sealed), (count, sealed));
        assert!(upgrades.open_instructions > 0);
    }
}

/// Stable memory of another canister is not overwritten: the upgrade to ours fails and changes nothing.
#[tokio::test]
async fn foreign_memory_is_left_alone() {
    let harness = Harness::start_installed(&foreign::foreigner(), vec![]).await;
    let before = harness.stable_memory().await;
    assert!(before.starts_with(foreign::FOREIGN_BYTES));
    for mode in [InstallMode::Upgrade, InstallMode::UpgradeSkippingPreUpgrade] {
        let message = expect::refusal(harness.install(mode, STORAGE_WASM, init_args(None)).await);
        assert!(message.contains("was not written by this storage canister"), "{message}");
        assert!(message.contains("it starts with SOMEONE "), "{message}");
    }
    assert!(harness.stable_memory().await == before);
    // The foreign canister is still running.
    assert_eq!(foreign::peek(&harness, 0, 19).await, foreign::FOREIGN_BYTES);
}

/// A single foreign byte of stable memory is enough to be rejected, anywhere; so are pages of zeros.
#[tokio::test]
async fn grown_but_empty_memory_is_foreign_too() {
    let harness = Harness::start_installed(&foreign::foreigner(), vec![]).await;
    foreign::poke(&harness, 0, &[0; 19]).await;
    let message = expect::refusal(harness.upgrade_to(STORAGE_WASM).await);
    assert!(message.contains("was not written by this storage canister"), "{message}");
}

/// A store of another layout version is rejected with the version; after restoring the version, all data is there.
#[tokio::test]
async fn another_layout_version_is_refused_and_loses_nothing() {
    let (harness, client) = filled().await;
    let before = Snapshot::of(&client).await;
    harness.upgrade_to(&foreign::vandal()).await.unwrap();
    let ours = foreign::peek(&harness, LAYOUT_VERSION_OFFSET, 4).await;
    assert_eq!(ours, LAYOUT_VERSION.to_le_bytes());

    foreign::poke(&harness, LAYOUT_VERSION_OFFSET, &77_u32.to_le_bytes()).await;
    let vandalised = harness.stable_memory().await;
    let message = expect::refusal(harness.upgrade_to(STORAGE_WASM).await);
    assert!(message.contains("layout version 77"), "{message}");
    assert!(harness.stable_memory().await == vandalised, "an upgrade that was refused changed stable memory");

    foreign::poke(&harness, LAYOUT_VERSION_OFFSET, &ours).await;
    harness.upgrade_to(STORAGE_WASM).await.unwrap();
    assert!(Snapshot::of(&client).await == before);
}

/// A header with any changed byte is rejected; after restoring it, all data is there.
#[tokio::test]
async fn a_damaged_header_is_refused() {
    let (harness, client) = filled().await;
    let before = Snapshot::of(&client).await;
    harness.upgrade_to(&foreign::vandal()).await.unwrap();
    for offset in 0..HEADER_BYTES as u64 {
        let byte = foreign::peek(&harness, offset, 1).await;
        foreign::poke(&harness, offset, &[byte[0] ^ 1]).await;
        expect::refusal(harness.upgrade_to(STORAGE_WASM).await);
        foreign::poke(&harness, offset, &byte).await;
    }
    harness.upgrade_to(STORAGE_WASM).await.unwrap();
    assert!(Snapshot::of(&client).await == before);
}

/// An upgrade to a module that writes over the store and then traps is rolled back.
#[tokio::test]
async fn a_trap_in_post_upgrade_leaves_no_trace() {
    let (harness, client) = filled().await;
    let (before, memory) = (Snapshot::of(&client).await, harness.stable_memory().await);
    expect::refusal(harness.upgrade_to(&foreign::saboteur()).await);
    assert!(harness.stable_memory().await == memory, "a trap in post_upgrade left a trace");
    assert!(Snapshot::of(&client).await == before);
    client.put("key", b"still writable").await.unwrap();
}

/// A message that writes over the store, grows it and then traps is rolled back.
#[tokio::test]
async fn a_trap_in_an_update_leaves_no_trace() {
    let (harness, client) = filled().await;
    let before = Snapshot::of(&client).await;
    harness.upgrade_to(&foreign::vandal()).await.unwrap();
    let memory = harness.stable_memory().await;
    for offset in [0, LAYOUT_VERSION_OFFSET, 65_536, 131_072] {
        let trapped = foreign::poke_and_trap(&harness, offset, &[0xee; 5_000]).await;
        assert!(matches!(trapped, TransportError::Rejected { code: 5, .. }), "{trapped:?}");
    }
    assert!(harness.stable_memory().await == memory, "a trap left a trace");
    harness.upgrade_to(STORAGE_WASM).await.unwrap();
    assert!(Snapshot::of(&client).await == before);
}

/// If `pre_upgrade` of a module always traps, skipping it gives access to the data.
#[tokio::test]
async fn skipping_leads_out_of_a_pre_upgrade_that_traps() {
    let (harness, client) = filled().await;
    let before = Snapshot::of(&client).await;
    harness.upgrade_to(&foreign::prison()).await.unwrap();
    expect::refusal(harness.upgrade_to(STORAGE_WASM).await);
    harness.upgrade_skipping_pre_upgrade().await;
    assert!(Snapshot::of(&client).await == before);
}

/// A reinstall starts empty, and an install over a canister is rejected.
#[tokio::test]
async fn a_reinstall_starts_from_nothing() {
    let (harness, client) = filled().await;
    let before = Snapshot::of(&client).await;
    expect::refusal(harness.install(InstallMode::Install, STORAGE_WASM, init_args(None)).await);
    assert!(Snapshot::of(&client).await == before);
    harness.reinstall_with(InitArgs::default()).await.unwrap();
    let empty = Snapshot::of(&client).await;
    assert!(empty.objects.is_empty() && empty.log.is_empty() && empty.revision == 0);
    Write::PutLarge.make(&client).await;
}
