//! Web sites of a served store: what a browser gets under `<canister>.localhost`, verified by the library of the public gateways.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use stable_storage_api::{CertifyProgress, Site};

use crate::{
    harness::{MAX_PAYLOAD, Store, numbers},
    serve::Served,
};

/// Bytes of a certified piece of a large object.
const PIECE: usize = 30 * 65_536;

/// Response of the server. The head is in lower case.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    pub(crate) fn expect(&self, status: u16, body: &[u8]) {
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(200)]);
        assert!(self.status == status && self.body == body, "{}{text}", self.head);
    }
}

/// Sends a request with this host name.
fn ask(served: &Served<'_>, host: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut stream = TcpStream::connect(served.url.strip_prefix("http://").unwrap()).unwrap();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n").unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    Answer { status: head[9..12].parse().unwrap(), head, body: bytes[end..].to_vec() }
}

/// Sends a request to the site.
pub(crate) fn get(served: &Served<'_>, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask(served, &format!("{}.localhost", served.canister), "GET", path, headers)
}

/// Declares the site of `www/` at the root of the canister.
fn declare(store: &Store, certifies: bool) {
    let site = Site { path: Some("/".into()), ..Site::new("www/") };
    store.with_host(|host, owner| {
        let reply = host.update(owner, "set_site", candid::encode_one(&site).unwrap()).unwrap();
        let set: stable_storage_api::Result<()> = candid::decode_one(&reply.bytes).unwrap();
        set.unwrap();
        let mut is_done = !certifies;
        while !is_done {
            let reply = host.update(owner, "certify", candid::encode_one("www/").unwrap()).unwrap();
            let step: stable_storage_api::Result<CertifyProgress> = candid::decode_one(&reply.bytes).unwrap();
            is_done = step.unwrap().done;
        }
    });
}

fn with_site(certifies: bool) -> (Store, Vec<u8>) {
    let store = Store::new();
    let large = numbers(2 * PIECE + 12_345);
    store.run_with_input(&["put", "-", "www/index.html", "--type", "text/html"], b"<p>start</p>");
    store.run_with_input(&["put", "-", "www/a b/style.css", "--type", "text/css"], b"p {}");
    store.run_with_input(&["put", "-", "www/a b/index.html"], b"inner");
    store.run_with_input(&["put", "-", "other"], b"not public");
    let file = store.file("video", &large);
    store.run(&["put", &file, "www/video.mp4"]);
    declare(&store, certifies);
    (store, large)
}

#[test]
fn a_certified_site_is_served() {
    let (store, _) = with_site(true);
    let served = Served::start(&store, &[]);
    let page = get(&served, "/", &[]);
    page.expect(200, b"<p>start</p>");
    assert_eq!(page.header("content-type"), Some("text/html"));
    get(&served, "/index.html?x=1", &[]).expect(200, b"<p>start</p>");
    get(&served, "/a%20b/style.css", &[]).expect(200, b"p {}");
    get(&served, "/a%20b/", &[]).expect(200, b"inner");
    let redirect = get(&served, "/a%20b", &[]);
    assert_eq!((redirect.status, redirect.header("location")), (308, Some("/a%20b/")));
    let etag = page.header("etag").unwrap();
    let unchanged = get(&served, "/", &[("if-none-match", etag)]);
    unchanged.expect(304, b"");
    for absent in ["/nothing", "/other", "/www/index.html"] {
        assert_eq!(get(&served, absent, &[]).status, 404, "{absent}");
    }
    assert_eq!(get(&served, "/..%2fother", &[]).status, 400);
}

/// The gateway fetches the pieces of a large object, verifies each, and sends one response.
#[test]
fn a_large_object_is_streamed_and_read_by_ranges() {
    let (store, large) = with_site(true);
    assert!(large.len() > 2 * MAX_PAYLOAD - 200_000);
    let served = Served::start(&store, &[]);
    let whole = get(&served, "/video.mp4", &[]);
    assert_eq!(whole.header("content-length"), Some(&*large.len().to_string()));
    whole.expect(200, &large);
    for (first, last) in [(0, PIECE - 1), (PIECE, 2 * PIECE - 1), (2 * PIECE, large.len() - 1), (5, 9)] {
        let part = get(&served, "/video.mp4", &[("range", &format!("bytes={first}-{last}"))]);
        part.expect(206, &large[first..=last]);
        let range = format!("bytes {first}-{last}/{}", large.len());
        assert_eq!(part.header("content-range"), Some(&*range));
    }
    let past = get(&served, "/video.mp4", &[("range", "bytes=99999999-")]);
    assert_eq!(past.status, 416);
}

#[test]
fn head_has_no_body() {
    let (store, large) = with_site(true);
    let served = Served::start(&store, &[]);
    let host = format!("{}.localhost", served.canister);
    for (path, length) in [("/", 12), ("/video.mp4", large.len())] {
        let head = ask(&served, &host, "HEAD", path, &[]);
        head.expect(200, b"");
        assert_eq!(head.header("content-length"), Some(&*length.to_string()));
    }
}

/// What is not certified yet is answered by an update.
#[test]
fn a_site_that_is_not_certified_yet_is_served() {
    let (store, large) = with_site(false);
    let served = Served::start(&store, &[]);
    get(&served, "/", &[]).expect(200, b"<p>start</p>");
    get(&served, "/video.mp4", &[("range", "bytes=7-99")]).expect(206, &large[7..=99]);
}

#[test]
fn the_canister_is_named_by_host_or_parameter() {
    let (store, _) = with_site(true);
    let served = Served::start(&store, &[]);
    let canister = &served.canister;
    let named = format!("/?canisterId={canister}");
    ask(&served, "127.0.0.1", "GET", &named, &[]).expect(200, b"<p>start</p>");
    ask(&served, &format!("{canister}.raw.localhost:80"), "GET", "/", &[]).expect(200, b"<p>start</p>");
    // The page of the server and its interface stay where they are.
    let page = ask(&served, "localhost", "GET", "/", &[]);
    assert!(page.status == 200 && page.body != b"<p>start</p>");
    assert_eq!(get(&served, "/api/v2/status", &[]).header("content-type"), Some("application/cbor"));
    let other = ask(&served, "aaaaa-aa.localhost", "GET", "/", &[]);
    assert_eq!(other.status, 404);
}

/// The metrics are not certified, so they are only where nothing is verified.
#[test]
fn metrics_are_served_without_verification_only() {
    let (store, _) = with_site(true);
    let served = Served::start(&store, &[]);
    let canister = &served.canister;
    // Under the site at the root they are a path without an object.
    get(&served, "/metrics", &[]).expect(404, b"There is nothing at this path.\n");
    let empty = Store::new();
    let served = Served::start(&empty, &[]);
    let verified = get(&served, "/metrics", &[]);
    assert!(verified.status == 500 && !String::from_utf8_lossy(&verified.body).contains("# TYPE"));
    let raw = ask(&served, &format!("{canister}.raw.localhost"), "GET", "/metrics", &[]);
    assert!(raw.status == 200 && String::from_utf8_lossy(&raw.body).contains("# TYPE"), "{}", raw.status);
}
