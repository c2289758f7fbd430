//! Replies that were changed on their way to the gateway: none reaches a browser.

use std::ops::Range;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use stable_storage_api::{HttpResponse, Site};

use super::world::{Gateway, Host, PREFIX, Received, Stored, Tampering};

/// Bytes of an object of two pieces.
const LARGE: usize = 2_000_000;

/// A site with a response of each kind.
fn gateway() -> Gateway {
    let mut host = Host::new();
    let variant = Stored { encoding: Some("br"), ..Stored::text("compressed page") };
    for (name, object) in [
        ("index.html", Stored::text("the page")),
        ("index.html.br", variant),
        ("a/index.html", Stored::text("another page")),
        ("404", Stored::text("nothing here")),
        ("large", Stored::text(vec![7; LARGE])),
    ] {
        host.put(name, &object);
    }
    let site = Site {
        path: Some("/".into()),
        not_found: Some("404".into()),
        headers: vec![("x-frame-options".into(), "DENY".into())],
        ..Site::new(PREFIX)
    };
    host.declare(&site);
    host.serve()
}

/// Requests with responses of all kinds, and their statuses.
const REQUESTS: [(&str, Option<&str>, u16); 5] = [
    ("/", None, 200),
    ("/index.html", Some("br"), 200),
    ("/absent", None, 404),
    ("/a", None, 308),
    ("/index.html?a=b", None, 200),
];

fn headers<'a>(accepted: &Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    accepted.iter().map(|accepted| ("accept-encoding", *accepted)).collect()
}

/// Asserts that the gateway has refused a response and sent nothing of it.
fn assert_refused(received: &Received, what: &str) {
    assert_eq!(received.status, 500, "{what}: {received:?}");
    let text = String::from_utf8_lossy(received.body.as_ref().unwrap());
    assert!(text.contains("verification failed") && !text.contains("page"), "{what}: {text}");
    assert_eq!(received.header("etag"), None, "{what}");
}

/// Changes of a response.
fn changes(response: &HttpResponse) -> Vec<(String, Tampering)> {
    let mut all: Vec<(String, Tampering)> = Vec::new();
    let mut add = |what: String, change: Tampering| all.push((what, change));
    let status = if response.status_code == 200 { 404 } else { 200 };
    add("status".into(), Box::new(move |bad| bad.status_code = status));
    add("longer body".into(), Box::new(|bad| bad.body.push(b'x')));
    add("added header".into(), Box::new(|bad| bad.headers.push(("set-cookie".into(), "a=b".into()))));
    for at in (0..response.body.len()).step_by(3) {
        add(format!("byte {at} of the body"), Box::new(move |bad| bad.body[at] ^= 1 << (at % 8)));
    }
    if !response.body.is_empty() {
        add("shorter body".into(), Box::new(|bad| _ = bad.body.pop()));
    }
    for (at, (name, value)) in response.headers.iter().enumerate() {
        add(format!("without {name}"), Box::new(move |bad| drop(bad.headers.remove(at))));
        if name != "ic-certificate" {
            let middle = value.len() / 2;
            let change = move |bad: &mut HttpResponse| bad.headers[at].1.insert(middle, 'A');
            add(format!("{name}: {value}"), Box::new(change));
        }
    }
    all
}

/// Returns the range of a part in a value of the header `ic-certificate`, and its bytes.
fn part_of(value: &str, part: &str) -> (Range<usize>, Vec<u8>) {
    let start = value.find(&format!("{part}=:")).unwrap() + part.len() + 2;
    let end = start + value[start..].find(':').unwrap();
    (start..end, STANDARD.decode(&value[start..end]).unwrap())
}

fn certificate(response: &mut HttpResponse) -> &mut String {
    &mut response.headers.iter_mut().find(|(name, _)| name == "ic-certificate").unwrap().1
}

/// Changes a bit of a part of the header `ic-certificate`.
fn flip(response: &mut HttpResponse, part: &str, at: usize) {
    let value = certificate(response);
    let (range, mut bytes) = part_of(value, part);
    bytes[at] ^= 1 << (at % 8);
    value.replace_range(range, &STANDARD.encode(bytes));
}

#[tokio::test]
async fn a_changed_response_is_refused() {
    let gateway = gateway();
    for (url, accepted, status) in REQUESTS {
        let headers = headers(&accepted);
        let good = gateway.ask("GET", url, &headers).await;
        assert_eq!(good.status, status, "{url}: {good:?}");
        for (what, change) in changes(&gateway.last()) {
            let received = gateway.ask_tampered(url, &headers, 0, change).await;
            assert_refused(&received, &format!("{url}: {what}"));
        }
    }
    assert_eq!(gateway.updates(), 0);
    gateway.stop().await;
}

/// A changed proof is refused, unless it proves the same: decoders overlook some bits of CBOR, such as those of its tag. Then the
/// response is the same as well.
#[tokio::test]
async fn a_changed_proof_is_refused() {
    /// Bytes of each part that are changed.
    const SAMPLES: usize = 12;
    let gateway = gateway();
    let (mut refused, mut changed) = (0, 0);
    for (number, (url, accepted, _)) in REQUESTS.into_iter().enumerate() {
        let headers = headers(&accepted);
        let good = gateway.ask("GET", url, &headers).await;
        for part in ["certificate", "tree", "expr_path"] {
            let length = part_of(certificate(&mut gateway.last()), part).1.len();
            for at in (number..length).step_by((length / SAMPLES).max(1)) {
                let change = Box::new(move |bad: &mut HttpResponse| flip(bad, part, at));
                let received = gateway.ask_tampered(url, &headers, 0, change).await;
                changed += 1;
                if received != good {
                    assert_refused(&received, &format!("{url}: byte {at} of {part}"));
                    refused += 1;
                }
            }
        }
    }
    assert!(refused * 10 > changed * 9, "{refused} of {changed} are refused");
    gateway.stop().await;
}

/// A response of one path is none of another one.
#[tokio::test]
async fn a_response_of_another_path_is_refused() {
    let gateway = gateway();
    for (url, other) in [("/", "/a/"), ("/a/", "/absent"), ("/absent", "/"), ("/a", "/a/"), ("/", "/large")] {
        gateway.ask("HEAD", other, &[]).await;
        let replayed = gateway.last();
        let change = Box::new(move |bad: &mut HttpResponse| *bad = replayed.clone());
        let received = gateway.ask_tampered(url, &[], 0, change).await;
        assert_refused(&received, &format!("{other} for {url}"));
    }
    gateway.stop().await;
}

/// Of a large object, each piece is verified before it is sent: the body ends with an error, and has no byte of the bad piece.
#[tokio::test]
async fn a_changed_piece_ends_the_body() {
    let gateway = gateway();
    let good = gateway.ask("GET", "/large", &[]).await;
    assert_eq!((good.status, good.body), (200, Ok(vec![7; LARGE])));
    let first = 30 * 65_536;
    let change = |bad: &mut HttpResponse| bad.body[12_345] = 8;
    let received = gateway.ask_tampered("/large", &[], 1, Box::new(change)).await;
    assert_eq!(received.body, Err(vec![7; first]));
    let received = gateway.ask_tampered("/large", &[], 0, Box::new(change)).await;
    assert_refused(&received, "the first piece");
    // The second piece in place of the first one.
    let range = format!("bytes={first}-");
    gateway.ask("GET", "/large", &[("range", &range)]).await;
    let second = gateway.last();
    let received = gateway.ask_tampered("/large", &[], 0, Box::new(move |bad| *bad = second.clone())).await;
    assert_ne!(received.body, Ok(vec![7; LARGE]));
    assert!(received.status != 200 || received.body.is_err(), "{} is accepted", received.status);
    gateway.stop().await;
}
