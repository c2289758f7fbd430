use stable_storage_api::limits::MAX_REPLY_BYTES;
use stable_storage_api::{CertifyProgress, ReadLogArgs};

use super::*;

fn read(from: u64) -> ReadLogArgs {
    ReadLogArgs { from, limit: None }
}

#[test]
fn a_log_is_certified_in_steps_and_then_with_every_append() {
    let mut store = store();
    let entries: Vec<String> = (0..2_345).map(|number| format!("entry {number}")).collect();
    entries[..2_000].chunks(1_000).for_each(|chunk| _ = store.append(chunk).unwrap());
    let refused = |store: &TestStore| {
        let error = store.log_certified(&read(0)).unwrap_err().to_string();
        assert!(error.contains("call certify_log until it is done"), "{error}");
    };
    refused(&store);
    let step = store.certified_log().certify_step(1_500, 1 << 20).unwrap();
    assert_eq!((step.items, step.done), (1_500, false));
    sound(&store);
    // Entries that are appended meanwhile are certified by a later step.
    store.append(&entries[2_000..2_100]).unwrap();
    sound(&store);
    refused(&store);
    assert_eq!(store.certified_log().certify_step(1_500, 5).unwrap().items, 600, "one read of the log");
    assert_eq!(store.certify_log().unwrap(), CertifyProgress { items: 0, hashed: 0, done: true });
    let mut roots = vec![store.certified_digest()];
    for entry in &entries[2_100..] {
        store.append(&[entry]).unwrap();
        roots.push(store.certified_digest());
    }
    roots.dedup();
    assert_eq!(roots.len(), 246, "every entry changes the root");
    sound(&store);
    let memory = store.core.space.raw().clone();
    let store = Store::open(memory).unwrap();
    let reply = store.log_certified(&read(2_000)).unwrap();
    assert_eq!((reply.contents.entries.len(), reply.contents.length), (345, 2_345));
    assert_eq!(reply.contents.paths.len(), 345);
    let (root, leaves) = shown(&reply.witness);
    assert_eq!(Some(root), store.certified_digest());
    let head = &leaves[b"log".as_slice()];
    assert_eq!(head[..8], 2_345u64.to_le_bytes());
    assert_eq!(store.log_certified(&read(0)).unwrap().contents.entries.len(), 500);
    assert!(matches!(store.log_certified(&read(2_346)), Err(Error::OutOfRange { .. })));
}

#[test]
fn an_empty_log_and_an_empty_append_are_certified() {
    let mut store = store();
    assert!(store.certify_log().unwrap().done);
    let reply = store.log_certified(&read(0)).unwrap();
    assert_eq!((reply.contents.entries.len(), reply.contents.length), (0, 0));
    assert_eq!(shown(&reply.witness).1[b"log".as_slice()], [0; 40]);
    let before = store.certified_digest();
    store.append::<&[u8]>(&[]).unwrap();
    assert_eq!(store.certified_digest(), before);
    store.append(&["first"]).unwrap();
    assert_ne!(store.certified_digest(), before);
    sound(&store);
}

#[test]
fn a_page_of_the_log_fits_one_reply_with_its_paths() {
    let mut store = store();
    store.certify_log().unwrap();
    let large = vec![1; MAX_REPLY_BYTES as usize];
    store.append(&[&large]).unwrap();
    for _ in 0..6 {
        store.append(&vec![vec![2; 10_000]; 100]).unwrap();
    }
    assert_eq!(store.log_certified(&read(0)).unwrap().contents.entries, [large]);
    let page = store.log_certified(&read(1)).unwrap().contents;
    let bytes: usize = page.entries.iter().map(Vec::len).sum::<usize>() + page.paths.concat().concat().len();
    assert!(
        page.entries.len() > 150 && bytes as u64 <= MAX_REPLY_BYTES,
        "{} entries, {bytes} bytes",
        page.entries.len()
    );
}
