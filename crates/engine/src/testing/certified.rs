//! Operations that certify, the same each time: they continue the list in `workload`, and also begin an empty store.

use ic_stable_structures::Memory;
use stable_storage_api::limits::{CHUNK_BYTES, HTTP_PIECE_BYTES};
use stable_storage_api::{DeletePrefixArgs, RenameArgs, Site, UploadArgs};

use super::workload::{Named, Step, callers, now_ns, value_of};
use crate::store::Store;
use crate::subjects::objects::Put;

/// Two pieces of a response, and two chunks.
const PIECES_BYTES: u64 = HTTP_PIECE_BYTES + 70_000;

/// Returns the steps, in order.
#[must_use]
pub fn certified_steps<M: Memory + Clone>() -> Vec<Step<M>> {
    let parts = [prefixes(), sites(), log(), last()];
    parts.into_iter().flatten().map(|(name, run)| Step { name, run }).collect()
}

/// Runs the steps on a store in this memory, which may be empty.
///
/// # Panics
///
/// Panics if a step fails, or if the memory cannot be opened.
pub fn run_certified<M: Memory + Clone>(memory: &M) {
    let mut store = Store::open(memory.clone()).expect("the memory is that of a store");
    for step in certified_steps() {
        step.run(&mut store, memory).unwrap_or_else(|error| panic!("{}: {error}", step.name));
    }
}

fn rename(from: &str, to: &str) -> RenameArgs {
    RenameArgs { from: from.into(), to: to.into(), condition: None }
}

fn prefixes<M: Memory + Clone>() -> Named<M> {
    vec![
        ("put before the prefix is certified", |store, _| {
            let entries: Vec<_> = (0..30).map(|i| (format!("cert/{i:02}"), value_of(200, i))).collect();
            let puts: Vec<_> = entries.iter().map(|(key, value)| Put::new(key, value)).collect();
            store.put_many(puts, now_ns(200)).map(drop)
        }),
        ("certify a prefix", |store, _| store.set_certified("cert/", true)),
        ("certify its objects", |store, _| store.certify("cert/").map(drop)),
        ("put a certified object", |store, _| {
            let put = Put {
                content_type: Some("text/plain"),
                metadata: &[("name", "value")],
                ..Put::new("cert/new", b"value")
            };
            store.put(put, now_ns(201)).map(drop)
        }),
        ("put under a long label", |store, _| {
            let key = format!("cert/{}", "long/".repeat(203));
            store.put(Put::new(&key, b"under a long label"), now_ns(202)).map(drop)
        }),
        ("delete a certified object", |store, _| store.delete("cert/07").map(drop)),
        ("rename out of the prefix", |store, _| {
            store.rename(&rename("cert/08", "elsewhere"), now_ns(203)).map(drop)
        }),
        ("rename into the prefix", |store, _| {
            store.rename(&rename("elsewhere", "cert/80"), now_ns(204)).map(drop)
        }),
        ("certify a second prefix", |store, _| store.set_certified("second/", true)),
    ]
}

fn sites<M: Memory + Clone>() -> Named<M> {
    vec![
        ("put the documents of a site", |store, _| {
            let put = |key, value| Put { content_type: Some("text/html"), ..Put::new(key, value) };
            let puts = [
                put("www/index.html", b"<p>home".as_slice()),
                put("www/404.html", b"<p>none"),
                put("www/a/index.html", b"<p>a"),
            ];
            store.put_many(puts, now_ns(210)).map(drop)
        }),
        ("add a site", |store, _| {
            let headers = vec![("x-frame-options".to_string(), "DENY".to_string())];
            store.set_site(&Site {
                path: Some("/web/".into()),
                not_found: Some("404.html".into()),
                headers,
                ..Site::new("www/")
            })
        }),
        ("certify the site", |store, _| store.certify("www/").map(drop)),
        ("put a variant", |store, _| {
            store
                .put(
                    Put { content_encoding: Some("gzip"), ..Put::new("www/index.html.gz", b"packed") },
                    now_ns(211),
                )
                .map(drop)
        }),
        ("open an upload to the site", |store, _| {
            let [alice, ..] = callers();
            store.create_upload(&UploadArgs::new("www/large", PIECES_BYTES), &alice, now_ns(212)).map(drop)
        }),
        ("write its first chunk", |store, _| {
            let [alice, ..] = callers();
            let id = store.list_uploads(&alice, now_ns(213))?.last().map_or(0, |upload| upload.upload.id);
            store
                .write_chunk(id, 0, &vec![3; CHUNK_BYTES.min(PIECES_BYTES) as usize], &alice, now_ns(213))
                .map(drop)
        }),
        ("write its last chunk", |store, _| {
            let [alice, ..] = callers();
            let id = store.list_uploads(&alice, now_ns(213))?.last().map_or(0, |upload| upload.upload.id);
            let rest = PIECES_BYTES.saturating_sub(CHUNK_BYTES);
            store.write_chunk(id, 1, &vec![4; rest as usize], &alice, now_ns(214)).map(drop)
        }),
        ("commit an object of the site that waits", |store, _| {
            let [alice, ..] = callers();
            let id = store.list_uploads(&alice, now_ns(213))?.last().map_or(0, |upload| upload.upload.id);
            store.commit_upload(id, &alice, now_ns(215)).map(drop)
        }),
        ("hash its pieces", |store, _| store.certify("www/").map(drop)),
        ("rename it", |store, _| store.rename(&rename("www/large", "www/renamed"), now_ns(216)).map(drop)),
        ("add a site that is not certified", |store, _| {
            store.set_site(&Site { certified: false, path: None, ..Site::new("plain/") })
        }),
    ]
}

fn log<M: Memory + Clone>() -> Named<M> {
    vec![
        ("append before the log is certified", |store, _| store.append(&["one", "two", "three"]).map(drop)),
        ("certify the log", |store, _| store.certify_log().map(drop)),
        ("append certified entries", |store, _| store.append(&["four", ""]).map(drop)),
    ]
}

fn last<M: Memory + Clone>() -> Named<M> {
    vec![
        ("certify no more under the second prefix", |store, _| store.set_certified("second/", false)),
        ("remove it from the tree", |store, _| store.certify("second/").map(drop)),
        ("remove objects of the site", |store, _| {
            store.delete_prefix(&DeletePrefixArgs { prefix: "www/a/".into(), limit: None }).map(drop)
        }),
        ("reopen with everything certified", |store, memory| {
            *store = Store::open(memory.clone()).expect("a sound store opens");
            Ok(())
        }),
        ("put into freed slots", |store, _| {
            store.put(Put::new("cert/last", b"value"), now_ns(220)).map(drop)
        }),
    ]
}
