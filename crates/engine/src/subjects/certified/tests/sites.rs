use stable_storage_api::limits::HTTP_PIECE_BYTES;
use stable_storage_api::{HttpRequest, HttpResponse, Site};

use super::*;
use crate::HttpReply;

const CERTIFICATE: &[u8] = b"certificate";

/// Certifies a site to the end.
fn finish(store: &mut TestStore, prefix: &str) {
    while !store.certify(prefix).unwrap().done {}
    sound(store);
}

fn site(store: &mut TestStore, site: &Site) {
    store.set_site(site).unwrap();
    sound(store);
    finish(store, &site.prefix);
    assert!(store.list_sites().unwrap().iter().find(|status| status.site == *site).unwrap().complete);
}

fn request(url: &str, headers: &[(&str, &str)]) -> HttpRequest {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    HttpRequest { headers, ..HttpRequest::get(url) }
}

/// The certified response to a query.
fn certified(store: &TestStore, url: &str, headers: &[(&str, &str)]) -> HttpResponse {
    match store.http(&request(url, headers), Some(CERTIFICATE)).unwrap() {
        HttpReply::Response(response) => {
            let header = |name: &str| response.headers.iter().any(|(header, _)| header == name);
            assert!(header("ic-certificate") && header("ic-certificateexpression"), "{response:?}");
            response
        }
        other => panic!("{url}: {other:?}"),
    }
}

fn is_upgraded(store: &TestStore, url: &str, headers: &[(&str, &str)]) -> bool {
    store.http(&request(url, headers), Some(CERTIFICATE)).unwrap() == HttpReply::Upgrade
}

/// The response of an update.
fn updated(store: &TestStore, url: &str, headers: &[(&str, &str)]) -> HttpResponse {
    match store.http(&request(url, headers), None).unwrap() {
        HttpReply::Response(response) => response,
        other => panic!("{url}: {other:?}"),
    }
}

fn header<'r>(response: &'r HttpResponse, name: &str) -> Option<&'r str> {
    response.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
}

fn put_typed(store: &mut TestStore, key: &str, content_type: &str, value: &[u8]) {
    store.put(Put { content_type: Some(content_type), ..Put::new(key, value) }, 7).unwrap();
}

#[test]
fn the_objects_of_a_site_are_served() {
    let mut store = store();
    assert!(!store.has_sites().unwrap());
    put_typed(&mut store, "www/index.html", "text/html", b"<p>home");
    put_typed(&mut store, "www/docs/index.html", "text/html", b"<p>docs");
    site(&mut store, &Site::new("www/"));
    put_typed(&mut store, "www/style.css", "text/css", b"p {}");
    put(&mut store, "private", b"secret");
    for (url, status, body) in [
        ("/www/index.html", 200, "<p>home"),
        ("/www/", 200, "<p>home"),
        ("/www/docs/", 200, "<p>docs"),
        ("/www/style.css?v=1", 200, "p {}"),
        ("/www/%73tyle.css", 200, "p {}"),
        ("/www/docs", 308, ""),
        ("/www", 308, ""),
        ("/www/none", 404, "There is nothing at this path.\n"),
        ("/www/docs/none/deeper", 404, "There is nothing at this path.\n"),
    ] {
        let response = certified(&store, url, &[]);
        assert_eq!((response.status_code, &response.body[..]), (status, body.as_bytes()), "{url}");
        let update = updated(&store, url, &[]);
        assert_eq!((update.status_code, update.body), (status, response.body), "{url}");
    }
    assert_eq!(header(&certified(&store, "/www/docs", &[]), "location"), Some("/www/docs/"));
    let style = certified(&store, "/www/style.css", &[]);
    assert_eq!(header(&style, "content-type"), Some("text/css"));
    let etag = header(&style, "etag").unwrap();
    assert_eq!(certified(&store, "/www/style.css", &[("if-none-match", etag)]).status_code, 304);
    assert!(is_upgraded(&store, "/www/style.css", &[("if-none-match", &format!("W/{etag}"))]));
    for url in ["/private", "/", "/ww", "/wwww/index.html"] {
        assert_eq!(store.http(&request(url, &[]), Some(CERTIFICATE)).unwrap(), HttpReply::NoSite, "{url}");
    }
    assert!(store.has_sites().unwrap());
    assert!(store.remove_site("www/").unwrap());
    assert!(!store.has_sites().unwrap());
    sound(&store);
    assert_eq!(store.http(&request("/www/", &[]), None).unwrap(), HttpReply::NoSite);
    assert_eq!(store.get("www/index.html").unwrap(), b"<p>home");
    assert!(!store.remove_site("www/").unwrap());
}

#[test]
fn a_change_of_an_object_changes_what_depends_on_it() {
    let mut store = store();
    let not_found = Site { path: Some("/".into()), not_found: Some("404.html".into()), ..Site::new("www/") };
    site(&mut store, &not_found);
    let status = |store: &TestStore, url: &str| certified(store, url, &[]).status_code;
    assert_eq!((status(&store, "/"), status(&store, "/a/b")), (404, 404));
    put(&mut store, "www/index.html", b"home");
    put(&mut store, "www/404.html", b"nothing here");
    assert_eq!((status(&store, "/"), status(&store, "/index.html")), (200, 200));
    assert_eq!(certified(&store, "/none", &[]).body.as_slice(), b"nothing here");
    put(&mut store, "www/a/index.html", b"folder");
    assert_eq!((status(&store, "/a"), status(&store, "/a/")), (308, 200));
    let gzip = [("accept-encoding", "gzip")];
    store.put(Put { content_encoding: Some("gzip"), ..Put::new("www/index.html.gz", b"packed") }, 7).unwrap();
    let packed = certified(&store, "/", &gzip);
    assert_eq!((packed.body.as_slice(), header(&packed, "content-encoding")), (&b"packed"[..], Some("gzip")));
    assert_eq!(certified(&store, "/", &[]).body.as_slice(), b"home");
    store
        .rename(&RenameArgs { from: "www/index.html.gz".into(), to: "elsewhere".into(), condition: None }, 8)
        .unwrap();
    assert_eq!(certified(&store, "/", &gzip).body.as_slice(), b"home");
    store.delete("www/a/index.html").unwrap();
    assert_eq!((status(&store, "/a"), status(&store, "/a/")), (404, 404));
    store.delete_prefix(&DeletePrefixArgs { prefix: "www/".into(), limit: None }).unwrap();
    assert_eq!(certified(&store, "/", &[]).body.as_slice(), b"There is nothing at this path.\n");
    sound(&store);
}

#[test]
fn a_large_object_is_certified_piece_by_piece() {
    let mut store = store();
    let size = 2 * HTTP_PIECE_BYTES + 1_000;
    let value: Vec<u8> = (0..size).map(|at| (at / 1_000) as u8).collect();
    let upload = |store: &mut TestStore| upload(store, "www/large", &value);
    site(&mut store, &Site::new("www/"));
    upload(&mut store);
    sound(&store);
    assert!(!store.list_sites().unwrap()[0].complete);
    assert_eq!(updated(&store, "/www/large", &[]).status_code, 503);
    let steps: Vec<_> = (0..4)
        .map(|_| store.certified_objects().certify_step("www/", 10, HTTP_PIECE_BYTES + 5).unwrap())
        .map(|step| (step.items, step.hashed, step.done))
        .collect();
    sound(&store);
    assert_eq!(steps[..2], [(0, HTTP_PIECE_BYTES, false), (0, HTTP_PIECE_BYTES, false)]);
    assert_eq!(steps[2..], [(1, 1_000, true), (0, 0, true)]);
    let mut body = Vec::new();
    for start in [0, HTTP_PIECE_BYTES, 2 * HTTP_PIECE_BYTES] {
        let range = format!("bytes={start}-");
        let headers = if start == 0 { vec![] } else { vec![("range", range.as_str())] };
        let piece = certified(&store, "/www/large", &headers);
        assert_eq!(piece.status_code, 206);
        body.extend_from_slice(&piece.body);
    }
    assert!(body == value);
    assert!(is_upgraded(&store, "/www/large", &[("range", "bytes=5-6")]));
    assert_eq!(updated(&store, "/www/large", &[("range", "bytes=5-6")]).body.as_slice(), &value[5..7]);
    // A rename keeps what was hashed; another upload starts again.
    store
        .rename(&RenameArgs { from: "www/large".into(), to: "www/renamed".into(), condition: None }, 8)
        .unwrap();
    sound(&store);
    assert_eq!(certified(&store, "/www/renamed", &[]).status_code, 206);
    upload(&mut store);
    store
        .rename(&RenameArgs { from: "www/large".into(), to: "www/renamed".into(), condition: None }, 9)
        .unwrap();
    sound(&store);
    assert!(!store.list_sites().unwrap()[0].complete);
    finish(&mut store, "www/");
    assert_eq!(certified(&store, "/www/renamed", &[]).status_code, 206);
    store.delete("www/renamed").unwrap();
    sound(&store);
    assert_eq!(store.core.certified().unwrap().pieces().unwrap().len(), 0);
}

#[test]
fn a_site_that_is_not_certified_answers_everything_with_one_page() {
    let mut store = store();
    put(&mut store, "www/key", b"0123456789");
    site(&mut store, &Site { certified: false, ..Site::new("www/") });
    let digest = store.certified_digest();
    put(&mut store, "www/other", b"value");
    assert_eq!(store.certified_digest(), digest, "a put costs nothing");
    assert!(store.stat("www/other").unwrap().sha256.is_none());
    assert_eq!(certified(&store, "/www/key", &[("range", "bytes=2-3")]).body.as_slice(), b"23");
    assert_eq!(certified(&store, "/www/none", &[]).status_code, 404);
}

#[test]
fn a_site_that_changes_is_certified_again() {
    let mut store = store();
    for number in 0..40 {
        put(&mut store, &format!("www/{number:02}"), b"value");
    }
    let first = Site::new("www/");
    site(&mut store, &first);
    let cached = Site { cache_control: Some("max-age=60".into()), ..first.clone() };
    store.set_site(&cached).unwrap();
    sound(&store);
    assert!(is_upgraded(&store, "/www/00", &[]), "what is certified is never what was");
    store.certified_objects().certify_step("www/", 10, 1 << 20).unwrap();
    sound(&store);
    assert_eq!(header(&certified(&store, "/www/09", &[]), "cache-control"), Some("max-age=60"));
    assert!(is_upgraded(&store, "/www/11", &[]));
    assert_eq!(updated(&store, "/www/11", &[]).status_code, 200);
    put(&mut store, "www/11", b"new");
    assert_eq!(certified(&store, "/www/11", &[]).body.as_slice(), b"new");
    finish(&mut store, "www/");
    let memory = store.core.space.raw().clone();
    let mut store = Store::open(memory).unwrap();
    sound(&store);
    assert_eq!(certified(&store, "/www/39", &[]).status_code, 200);
    let digest = store.certified_digest();
    store.set_site(&cached).unwrap();
    assert_eq!(store.certified_digest(), digest, "the same site again is no change");
}

/// Paths that the tree does not take, and paths that would make an unbounded witness, are answered by updates.
#[test]
fn deep_paths_are_answered_by_updates() {
    let mut store = store();
    site(&mut store, &Site::new("www/"));
    let deep = format!("www/{}end", "d/".repeat(300));
    put(&mut store, &deep, b"value");
    sound(&store);
    assert!(is_upgraded(&store, &format!("/{deep}"), &[]));
    assert_eq!(updated(&store, &format!("/{deep}"), &[]).body.as_slice(), b"value");
    let endless = format!("/www/{}", "d/".repeat(4_000));
    assert!(is_upgraded(&store, &endless, &[]));
    assert_eq!(updated(&store, &endless, &[]).status_code, 404);
    let fits = format!("www/{}end", "d/".repeat(50));
    put(&mut store, &fits, b"value");
    assert_eq!(certified(&store, &format!("/{fits}"), &[]).body.as_slice(), b"value");
    assert_eq!(certified(&store, &format!("/{fits}/none"), &[]).status_code, 404);
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    PutMany(Vec<u8>),
    Delete(u8),
    Rename(u8, u8),
    Set(u8),
    Remove,
    Certify,
    Reopen,
}

const NAMES: [&str; 12] = [
    "index.html",
    "index.html.gz",
    "index.html.br",
    "a",
    "a/index.html",
    "a/b/index.html",
    "a/b",
    "404.html",
    "app.js",
    "app.js.br",
    "x//y",
    "<$>",
];

fn key(number: u8) -> String {
    let name = NAMES[usize::from(number) % NAMES.len()];
    format!("{}/{name}", if number < 36 { "www" } else { "other" })
}

fn a_site(number: u8) -> Site {
    let with = |number: u8, bit: u8, text: &str| (number >> bit & 1 == 1).then(|| text.to_string());
    let not_found = with(number, 2, "404.html");
    Site {
        path: with(number, 0, "/"),
        certified: number & 0b11_0000 != 0,
        index: with(number, 1, "index.html"),
        single_page: with(number, 3, "index.html").filter(|_| not_found.is_none()),
        not_found,
        ..Site::new("www/")
    }
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..40u8, any::<u8>()).prop_map(|(key, byte)| Step::Put(key, byte)),
        1 => prop::collection::btree_set(0..12u8, 1..4).prop_map(|keys| Step::PutMany(keys.into_iter().collect())),
        3 => (0..40u8).prop_map(Step::Delete),
        2 => (0..40u8, 0..40u8).prop_map(|(from, to)| Step::Rename(from, to)),
        2 => any::<u8>().prop_map(Step::Set),
        1 => Just(Step::Remove),
        3 => Just(Step::Certify),
        1 => Just(Step::Reopen),
    ]
}

fn encoding_of(key: &str) -> Option<&'static str> {
    match key {
        key if key.ends_with(".br") => Some("br"),
        key if key.ends_with(".gz") => Some("gzip"),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// After any changes, the tree has exactly the pages that the objects make: `check` compares them. And a query is either left to
    /// an update, or has the answer of the update.
    #[test]
    fn pages_agree_with_the_objects_after_every_change(steps in prop::collection::vec(a_step(), 1..40)) {
        let mut store = store();
        for step in steps {
            match step {
                Step::Put(number, byte) => {
                    let key = key(number);
                    let value = vec![byte; usize::from(byte)];
                    store.put(Put { content_encoding: encoding_of(&key), ..Put::new(&key, &value) }, 7).unwrap();
                }
                Step::PutMany(numbers) => {
                    let keys: Vec<_> = numbers.into_iter().map(key).collect();
                    let put = |key| Put { content_encoding: encoding_of(key), ..Put::new(key, key.as_bytes()) };
                    store.put_many(keys.iter().map(|key| put(key)).collect::<Vec<_>>(), 7).unwrap();
                }
                Step::Delete(number) => _ = store.delete(&key(number)).unwrap(),
                Step::Rename(from, to) => {
                    _ = store.rename(&RenameArgs { from: key(from), to: key(to), condition: None }, 9);
                }
                Step::Set(number) => store.set_site(&a_site(number)).unwrap(),
                Step::Remove => _ = store.remove_site("www/").unwrap(),
                Step::Certify => _ = store.certified_objects().certify_step("www/", 2, 65_536),
                Step::Reopen => {
                    let memory = store.core.space.raw().clone();
                    store = Store::open(memory).unwrap();
                }
            }
            prop_assert_eq!(store.check().problems, vec![]);
        }
        for url in ["/", "/www/", "/www", "/a", "/a/", "/www/a", "/www/a/", "/a/b", "/www/app.js", "/app.js", "/none", "/www/none/x"] {
            for headers in [vec![], vec![("accept-encoding", "br, gzip")], vec![("range", "bytes=0-")]] {
                let request = request(url, &headers);
                let update = store.http(&request, None).unwrap();
                match store.http(&request, Some(CERTIFICATE)).unwrap() {
                    HttpReply::Upgrade => prop_assert_ne!(update, HttpReply::NoSite),
                    HttpReply::NoSite => prop_assert_eq!(update, HttpReply::NoSite),
                    HttpReply::Response(query) => {
                        let HttpReply::Response(update) = update else { panic!("{update:?}") };
                        prop_assert_eq!((query.status_code, query.body), (update.status_code, update.body));
                    }
                }
            }
        }
    }
}

/// The digests of the pieces of a large document are those of its copy, too.
#[test]
fn copies_into_out_of_and_within_a_site_are_served_if_they_are_in_it() {
    let mut store = store();
    let admin = Caller { principal: candid::Principal::anonymous(), is_admin: true };
    let size = HTTP_PIECE_BYTES + 50_000;
    let mut body = vec![3; size as usize];
    body[size as usize - 1] = 4;
    put(&mut store, "www/large", b"");
    site(&mut store, &Site::new("www/"));
    let args = UploadArgs::new("www/large", size);
    let id = store.create_upload(&args, &admin, 7).unwrap().id;
    for (index, chunk) in body.chunks(CHUNK_BYTES as usize).enumerate() {
        store.write_chunk(id, index as u64, chunk, &admin, 7).unwrap();
    }
    store.commit_upload(id, &admin, 7).unwrap();
    finish(&mut store, "www/");
    for (from, to) in [
        ("www/large", "www/copy"),
        ("www/copy", "www/copy"),
        ("www/copy", "elsewhere"),
        ("elsewhere", "www/back"),
    ] {
        store.copy(&CopyArgs::new(from, to), &admin, 8).unwrap();
        sound(&store);
    }
    finish(&mut store, "www/");
    for key in ["large", "copy", "back"] {
        let response = certified(&store, &format!("/www/{key}"), &[]);
        assert_eq!((response.status_code, &response.body[..3]), (206, &[3, 3, 3][..]), "{key}");
    }
    for key in ["www/large", "www/copy", "elsewhere", "www/back"] {
        assert!(store.delete(key).unwrap());
        sound(&store);
    }
}
