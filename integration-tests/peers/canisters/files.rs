//! Large objects as files of stable-fs, a file system in stable memory. Keys are names in its root.

use std::cell::RefCell;

use ic_cdk::{query, update};
use ic_stable_structures::DefaultMemoryImpl;
use serde_bytes::ByteBuf;
use stable_fs::fs::{Fd, FdStat, FileSystem, OpenFlags, SrcBuf, Whence};
use stable_fs::storage::stable::StableStorage;

thread_local! {
    static FILES: RefCell<FileSystem> = RefCell::new(
        FileSystem::new(Box::new(StableStorage::new(DefaultMemoryImpl::default())))
            .expect("stable memory is empty or a file system"),
    );
}

/// Opens the file system, as the first message would otherwise.
#[ic_cdk::post_upgrade]
fn post_upgrade() {
    FILES.with_borrow(|files| assert!(!files.root_path().is_empty()));
}

#[update]
fn put(key: String, value: ByteBuf) {
    with_file(&key, OpenFlags::CREATE | OpenFlags::TRUNCATE, |files, file| {
        files.write(file, &value).expect("stable memory has room");
    });
}

#[query]
fn get(key: String) -> ByteBuf {
    with_file(&key, OpenFlags::empty(), |files, file| {
        let size = files.metadata(file).expect("the file is open").size;
        read(files, file, size)
    })
}

#[query(name = "read")]
fn read_range(key: String, offset: u64, length: u64) -> ByteBuf {
    with_file(&key, OpenFlags::empty(), |files, file| {
        files.seek(file, offset as i64, Whence::SET).expect("the file is open");
        read(files, file, length)
    })
}

#[update]
fn write_chunk(key: String, offset: u64, bytes: ByteBuf) {
    with_file(&key, OpenFlags::CREATE, |files, file| {
        let bytes = SrcBuf { buf: bytes.as_ptr(), len: bytes.len() };
        files.write_vec_with_offset(file, &[bytes], offset).expect("stable memory has room");
    });
}

#[update]
fn delete(key: String) {
    FILES.with_borrow_mut(|files| files.remove_file(files.root_fd(), &key)).expect("there is the file");
}

#[update]
fn rename(from: String, to: String) {
    FILES.with_borrow_mut(|files| {
        let root = files.root_fd();
        let file = files.rename(root, &from, root, &to).expect("there is the file");
        files.close(file).expect("the file is open");
    });
}

fn with_file<R>(key: &str, flags: OpenFlags, f: impl FnOnce(&mut FileSystem, Fd) -> R) -> R {
    FILES.with_borrow_mut(|files| {
        let root = files.root_fd();
        let file = files.open(root, key, FdStat::default(), flags, 0).expect("the file can be opened");
        let result = f(files, file);
        files.close(file).expect("the file is open");
        result
    })
}

fn read(files: &mut FileSystem, file: Fd, length: u64) -> ByteBuf {
    let mut bytes = vec![0; length as usize];
    let read = files.read(file, &mut bytes).expect("the file is open");
    bytes.truncate(read as usize);
    bytes.into()
}
