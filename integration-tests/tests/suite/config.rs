//! Settings, by install, by upgrade and by a call.

use integration_tests::{Harness, expect};
use stable_storage_api::limits::{
    MAX_STABLE_BYTES, MAX_UPLOAD_IDLE_NS, MAX_UPLOADS, MIN_CAPACITY_BYTES, MIN_UPLOAD_IDLE_NS, UPLOAD_IDLE_NS,
};
use stable_storage_api::{Config, Error, Settings, UploadArgs};

/// Every setting has a default, is changed by each of the three ways, and kept by the others.
#[tokio::test]
async fn settings_are_changed_and_kept() {
    let harness = Harness::start().await;
    let client = harness.client();
    let mut expected = Config {
        capacity: MAX_STABLE_BYTES,
        public_read: false,
        max_uploads: MAX_UPLOADS,
        upload_idle_ns: UPLOAD_IDLE_NS,
    };
    assert_eq!(client.get_config().await.unwrap(), expected);

    expected.public_read = true;
    let settings = Settings { public_read: Some(true), ..Settings::default() };
    assert_eq!(client.configure(&settings).await.unwrap(), expected);
    expected.max_uploads = 3;
    harness.upgrade_with(Settings { max_uploads: Some(3), ..Settings::default() }).await.unwrap();
    assert_eq!(client.get_config().await.unwrap(), expected);
    expected.upload_idle_ns = MIN_UPLOAD_IDLE_NS;
    client
        .configure(&Settings { upload_idle_ns: Some(MIN_UPLOAD_IDLE_NS), ..Settings::default() })
        .await
        .unwrap();
    harness.upgrade_skipping_pre_upgrade().await;
    assert_eq!(client.get_config().await.unwrap(), expected);
    assert_eq!(client.configure(&Settings::default()).await.unwrap(), expected);
    harness.reinstall_with(Settings { public_read: Some(true), ..Settings::default() }).await.unwrap();
    expected = Config { max_uploads: MAX_UPLOADS, upload_idle_ns: UPLOAD_IDLE_NS, ..expected };
    assert_eq!(client.get_config().await.unwrap(), expected);
}

/// A value outside its limits is rejected with the limit, by a call and by an upgrade, and nothing is set.
#[tokio::test]
async fn settings_outside_of_their_limits_are_refused() {
    let harness = Harness::start().await;
    let client = harness.client();
    let before = client.get_config().await.unwrap();
    let nothing = Settings::default;
    for (wrong, limit) in [
        (Settings { capacity: Some(0), ..nothing() }, MIN_CAPACITY_BYTES),
        (Settings { capacity: Some(MIN_CAPACITY_BYTES - 1), ..nothing() }, MIN_CAPACITY_BYTES),
        (Settings { capacity: Some(MAX_STABLE_BYTES + 1), ..nothing() }, MAX_STABLE_BYTES),
        (Settings { capacity: Some(u64::MAX), ..nothing() }, MAX_STABLE_BYTES),
        (Settings { max_uploads: Some(0), public_read: Some(true), ..nothing() }, 1),
        (Settings { max_uploads: Some(u64::MAX), ..nothing() }, MAX_UPLOADS),
        (Settings { upload_idle_ns: Some(0), ..nothing() }, MIN_UPLOAD_IDLE_NS),
        (Settings { upload_idle_ns: Some(u64::MAX), ..nothing() }, MAX_UPLOAD_IDLE_NS),
    ] {
        let refused = expect::storage_error(client.configure(&wrong).await);
        assert!(
            matches!(&refused, Error::InvalidArgument { what } if what.contains(&limit.to_string())),
            "{refused}"
        );
        let message = expect::refusal(harness.upgrade_with(wrong).await);
        assert!(message.contains(&limit.to_string()), "{message}");
    }
    assert_eq!(client.get_config().await.unwrap(), before);
}

/// A capacity below the memory in use stops growth and loses nothing; raising it allows growth again.
#[tokio::test]
async fn a_capacity_below_the_used_space_stops_growth_and_loses_nothing() {
    let harness = Harness::start().await;
    let client = harness.client();
    for number in 0..80 {
        client.put(&format!("key/{number}"), &vec![number; 1_900_000]).await.unwrap();
    }
    let status = client.status().await.unwrap();
    assert!(status.stable_bytes > MIN_CAPACITY_BYTES && status.storable_bytes > 1 << 30);
    client.configure(&Settings::capacity(MIN_CAPACITY_BYTES)).await.unwrap();
    let lowered = client.status().await.unwrap();
    assert_eq!((lowered.stable_bytes, lowered.objects), (status.stable_bytes, 80));
    let large = UploadArgs::new("large", 1 << 30);
    let refused = expect::storage_error(client.create_upload(&large).await);
    assert!(matches!(refused, Error::OutOfMemory { .. }), "{refused:?}");
    for number in 0..80u8 {
        let value = client.get(&format!("key/{number}")).await.unwrap();
        assert!(value.len() == 1_900_000 && value.iter().all(|byte| *byte == number));
    }
    // Freed space can be reused.
    assert!(client.delete("key/0").await.unwrap());
    client.put("key/0", &vec![0; 1_900_000]).await.unwrap();
    client.configure(&Settings::capacity(MAX_STABLE_BYTES)).await.unwrap();
    client.create_upload(&large).await.unwrap();
}

/// The size that status reports as storable is accepted, also with another upload's reservation.
#[tokio::test]
async fn as_much_can_be_stored_as_status_says() {
    let client = Harness::start_with_capacity(2 << 30).await.client();
    client.put("key", &[1; 500_000]).await.unwrap();
    client.create_upload(&UploadArgs::new("one", 300 << 20)).await.unwrap();
    let storable = client.status().await.unwrap().storable_bytes;
    assert!(storable > 1 << 30);
    client.create_upload(&UploadArgs::new("rest", storable)).await.unwrap();
    assert!(client.status().await.unwrap().storable_bytes < 50 << 20);
}
