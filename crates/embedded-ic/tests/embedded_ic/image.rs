//! Stable memory as a file.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};

use crate::common::{Harness, install};
use embedded_ic::{Config, EmbeddedIc, HostError, SyncPolicy};

const WRITER: &str = r#"
    (func (export "canister_update write")
        (drop (call $stable64_grow (i64.const 1000000)))
        (call $stable64_write (i64.const 5000) (i64.const 0) (i64.const 5))
        (call $stable64_write (i64.const 60000000000) (i64.const 0) (i64.const 5))
        (call $msg_reply))
    (func (export "canister_query read")
        (call $stable64_read (i64.const 100) (i64.const 60000000000) (i64.const 5))
        (call $reply (i32.const 100) (i32.const 5)))
    (data (i32.const 0) "hello")"#;

#[test]
fn an_image_is_sparse_and_comes_back_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (image, again) = (dir.path().join("image"), dir.path().join("again"));
    let mut ic = install(WRITER);
    ic.call("write", b"").unwrap();
    ic.export_stable(&image).unwrap();
    let metadata = fs::metadata(&image).unwrap();
    assert_eq!(metadata.len(), 1_000_000 * 65_536);
    assert!(metadata.blocks() * 512 < 1 << 20, "{} blocks", metadata.blocks());
    let mut bytes = [0; 7];
    File::open(&image).unwrap().read_exact_at(&mut bytes, 59_999_999_999).unwrap();
    assert_eq!(&bytes, b"\0hello\0");

    let mut other = install(WRITER);
    other.import_stable(&image).unwrap();
    assert_eq!(other.stable_pages(), 1_000_000);
    assert_eq!(other.ask("read", b"").unwrap().bytes, b"hello");
    let mut bytes = [0; 5];
    other.read_stable(5_000, &mut bytes).unwrap();
    assert_eq!(&bytes, b"hello");
    other.export_stable(&again).unwrap();
    assert_eq!(fs::metadata(&again).unwrap().len(), metadata.len());
    let error = other.export_stable(&again).unwrap_err();
    assert!(matches!(error, HostError::Io { .. }), "an image overwrites nothing: {error}");
}

#[test]
fn images_work_in_folders_and_survive() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    let file = File::create(&image).unwrap();
    file.set_len(3 * 65_536).unwrap();
    file.write_all_at(b"imported", 70_000).unwrap();
    let config = Config::default().with_sync(SyncPolicy::Checkpoint);
    let path = dir.path().join("state");
    let mut ic = EmbeddedIc::create_dir(&path, config.clone()).unwrap();
    ic.import_stable(&image).unwrap();
    drop(ic);
    let mut ic = EmbeddedIc::open_dir(&path, config).unwrap();
    let mut bytes = [0; 8];
    ic.read_stable(70_000, &mut bytes).unwrap();
    assert_eq!((&bytes, ic.stable_pages()), (b"imported", 3));
    let out = dir.path().join("out");
    ic.export_stable(&out).unwrap();
    assert_eq!(fs::read(out).unwrap(), fs::read(image).unwrap());
}

#[test]
fn an_image_of_an_invalid_size_is_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    let mut ic = install(WRITER);
    ic.call("write", b"").unwrap();
    for size in [1, 65_535, 65_537, 501 << 30] {
        File::create(&image).unwrap().set_len(size).unwrap();
        let error = ic.import_stable(&image).unwrap_err();
        assert!(matches!(error, HostError::BadImage { .. }), "{size}: {error}");
    }
    assert!(matches!(ic.import_stable(&dir.path().join("nothing")), Err(HostError::Io { .. })));
    assert_eq!(ic.stable_pages(), 1_000_000);
    assert_eq!(ic.ask("read", b"").unwrap().bytes, b"hello");
    File::create(&image).unwrap().set_len(0).unwrap();
    ic.import_stable(&image).unwrap();
    assert_eq!(ic.stable_pages(), 0);
}

#[test]
fn reading_beyond_the_end_is_an_error() {
    let mut ic = install(WRITER);
    ic.call("write", b"").unwrap();
    let end = 1_000_000 * 65_536;
    ic.read_stable(end - 4, &mut [0; 4]).unwrap();
    ic.read_stable(end, &mut []).unwrap();
    for offset in [end - 3, end, u64::MAX - 1] {
        let error = ic.read_stable(offset, &mut [0; 4]).unwrap_err();
        assert!(matches!(error, HostError::OutOfRange { size, .. } if size == end), "{error}");
    }
}
