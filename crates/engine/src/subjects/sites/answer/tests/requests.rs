//! The answers to single requests.

use proptest::prelude::*;
use stable_storage_api::limits::HTTP_PIECE_BYTES;
use stable_storage_api::{Checksum, ChecksumState, HttpRequest, MetadataPair, SOURCE_DIGEST, Site};

use super::world::{Received, World, verify};
use crate::subjects::sites::answer::{find, refusal};
use crate::subjects::sites::digest::sha256;
use crate::subjects::sites::facts::Hex;
use crate::subjects::sites::path::BadUrl;
use crate::subjects::sites::request::Request;
use crate::subjects::sites::resource::{Resource, ServedSite};

const PIECE: usize = HTTP_PIECE_BYTES as usize;

fn get(url: &str, headers: &[(&str, &str)]) -> HttpRequest {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    HttpRequest { headers, ..HttpRequest::get(url) }
}

fn head(url: &str) -> HttpRequest {
    HttpRequest { method: "HEAD".into(), ..HttpRequest::get(url) }
}

/// Asks, and verifies the answer to a query.
fn ask(world: &World, request: &HttpRequest) -> Received {
    let received = world.ask(request);
    if !received.is_upgraded {
        assert_eq!(verify(request, &received), Ok(()), "{request:?} {}", received.status);
    }
    received
}

fn status(world: &World, request: &HttpRequest) -> (u16, bool) {
    let received = ask(world, request);
    (received.status, received.is_upgraded)
}

fn www() -> World {
    let mut world = World::new(Site { path: Some("/".into()), ..Site::new("www/") });
    world.put("www/index.html", "home");
    world.put("www/a/index.html", "folder");
    world.put("www/b c.txt", "text").content_type = Some("text/plain".into());
    world
}

#[test]
fn documents_are_found_by_their_paths() {
    let world = www();
    for (url, status, body) in [
        ("/", 200, "home"),
        ("/?q=1", 200, "home"),
        ("/index.html", 200, "home"),
        ("/a/", 200, "folder"),
        ("/a//", 200, "folder"),
        ("/b%20c.txt", 200, "text"),
        ("/a", 308, ""),
        ("/b%20c.txt/", 404, "There is nothing at this path.\n"),
        ("/x/y", 404, "There is nothing at this path.\n"),
    ] {
        let received = ask(&world, &HttpRequest::get(url));
        let expected = (status, body.as_bytes(), false);
        assert_eq!((received.status, &*received.body, received.is_upgraded), expected, "{url}");
    }
    assert_eq!(ask(&world, &HttpRequest::get("/a")).header("location"), Some("/a/"));
    let text = ask(&world, &HttpRequest::get("/b%20c.txt"));
    assert_eq!((text.header("content-type"), text.header("vary")), (Some("text/plain"), None));
}

#[test]
fn the_path_of_a_site_without_its_slash_is_its_folder() {
    let mut world = World::new(Site::new("docs/v 1/"));
    world.put("docs/v 1/index.html", "home");
    let received = ask(&world, &HttpRequest::get("/docs/v%201"));
    assert_eq!((received.status, received.header("location")), (308, Some("/docs/v%201/")));
    world.remove("docs/v 1/index.html");
    assert_eq!(status(&world, &HttpRequest::get("/docs/v%201")), (404, false));
    assert_eq!(status(&world, &HttpRequest::get("/docs/v%201/")), (404, false));
}

#[test]
fn an_object_hides_the_folder_of_its_name() {
    let mut world = www();
    world.put("www/a", "object");
    assert_eq!(ask(&world, &HttpRequest::get("/a")).body, b"object");
    world.remove("www/a");
    assert_eq!(status(&world, &HttpRequest::get("/a")), (308, false));
}

#[test]
fn a_site_shows_its_document_for_paths_without_an_object() {
    let mut world = World::new(Site { not_found: Some("404.html".into()), ..Site::new("www/") });
    assert_eq!(ask(&world, &HttpRequest::get("/www/x")).body, b"There is nothing at this path.\n");
    world.put("www/404.html", "lost");
    let received = ask(&world, &HttpRequest::get("/www/x/y/"));
    assert_eq!((received.status, &*received.body), (404, &b"lost"[..]));
    assert_eq!(received.header("content-type"), Some("text/html"));
    let etag = received.header("etag").unwrap();
    let request = get("/www/x", &[("if-none-match", etag), ("range", "bytes=0-1")]);
    assert_eq!(status(&world, &request), (404, false));
}

#[test]
fn a_single_page_is_the_document_of_all_paths() {
    let mut world = World::new(Site { single_page: Some("app.html".into()), ..Site::new("www/") });
    world.put("www/app.html", "app");
    let received = ask(&world, &HttpRequest::get("/www/any/where"));
    assert_eq!((received.status, &*received.body), (200, &b"app"[..]));
    let etag = received.header("etag").unwrap();
    assert_eq!(status(&world, &get("/www/x", &[("if-none-match", etag)])), (304, false));
    // A document that is not certified yet.
    world.object_mut("www/app.html").info.sha256 = None;
    assert_eq!(status(&world, &HttpRequest::get("/www/any/where")), (200, true));
    // One that is too large for a path without an object.
    world.put("www/app.html", vec![1; PIECE + 1]);
    assert_eq!(status(&world, &HttpRequest::get("/www/any/where")), (404, false));
}

#[test]
fn only_get_and_head_are_possible() {
    let world = www();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "get", ""] {
        let received = world.ask(&HttpRequest { method: method.into(), ..HttpRequest::get("/") });
        assert_eq!((received.status, received.is_upgraded), (405, true), "{method}");
        assert_eq!(received.header("allow"), Some("GET, HEAD"));
    }
}

#[test]
fn a_head_is_certified_with_its_body() {
    let mut world = www();
    let received = ask(&world, &head("/"));
    assert_eq!((received.status, &*received.body, received.is_upgraded), (200, &b"home"[..], false));
    let updated = world.update(&head("/"));
    let length = updated.header("content-length");
    assert_eq!((updated.status, &*updated.body, length), (200, &b""[..], Some("4")));
    world.put("www/large", vec![1; PIECE + 1]);
    let updated = world.update(&head("/large"));
    assert_eq!((updated.status, &*updated.body), (200, &b""[..]));
    assert_eq!(updated.header("content-length"), Some(&*(PIECE + 1).to_string()));
}

#[test]
fn a_client_that_has_the_bytes_gets_none() {
    let world = www();
    let etag = ask(&world, &HttpRequest::get("/")).header("etag").unwrap().to_string();
    for (value, expected) in [
        (etag.clone(), (304, false)),
        (format!("W/{etag}"), (304, true)),
        (format!("\"x\", {etag}"), (304, true)),
        ("*".into(), (304, true)),
        ("\"x\"".into(), (200, false)),
    ] {
        assert_eq!(status(&world, &get("/?q", &[("If-None-Match", &value)])), expected, "{value}");
    }
    let request = HttpRequest { method: "HEAD".into(), ..get("/", &[("if-none-match", &etag)]) };
    assert_eq!(status(&world, &request), (304, true));
    let request = HttpRequest { body: vec![1].into(), ..get("/", &[("if-none-match", &etag)]) };
    assert_eq!(status(&world, &request), (304, true));
    assert_eq!(status(&world, &get("/", &[("if-match", "\"x\"")])), (412, true));
    assert_eq!(status(&world, &get("/", &[("if-match", &etag)])), (200, false));
    let received = ask(&world, &get("/", &[("if-none-match", &etag)]));
    assert_eq!((received.header("etag"), &*received.body), (Some(&*etag), &b""[..]));
}

#[test]
fn variants_are_chosen_by_accept_encoding() {
    let mut world = www();
    for (key, coding) in [("www/index.html.br", "br"), ("www/index.html.gz", "gzip")] {
        let variant = world.put(key, coding);
        // It is that of the document which counts.
        (variant.content_encoding, variant.content_type) = (Some(coding.into()), Some("image/png".into()));
    }
    world.put("www/a/index.html.br", "no coding");
    for (accept, body, coding) in [
        ("gzip, br", "br", Some("br")),
        ("gzip, br;q=0", "gzip", Some("gzip")),
        ("identity", "home", None),
        ("identity;q=0", "home", None),
    ] {
        for url in ["/", "/index.html"] {
            let received = ask(&world, &get(url, &[("accept-encoding", accept)]));
            let encoding = received.header("content-encoding");
            assert_eq!((&*received.body, encoding), (body.as_bytes(), coding), "{accept}");
            assert_eq!((received.header("vary"), received.is_upgraded), (Some("accept-encoding"), false));
            assert_eq!(received.header("content-type"), Some("text/html"));
            let etag = received.header("etag").unwrap();
            let again = get(url, &[("accept-encoding", accept), ("if-none-match", etag)]);
            let again = ask(&world, &again);
            assert_eq!((again.status, again.is_upgraded), (304, false));
            assert_eq!(again.header("vary"), Some("accept-encoding"));
        }
    }
    let plain = ask(&world, &get("/a/", &[("accept-encoding", "br")]));
    assert_eq!((&*plain.body, plain.header("vary")), (&b"folder"[..], None));
    // A variant that is not certified does not exist yet.
    world.object_mut("www/index.html.br").info.sha256 = None;
    let received = ask(&world, &get("/", &[("accept-encoding", "br, gzip")]));
    assert_eq!((&*received.body, received.is_upgraded), (&b"gzip"[..], false));
}

#[test]
fn a_variant_of_an_earlier_document_is_not_served() {
    let mut world = www();
    let digest = |text: &str| Hex(&sha256(text.as_bytes())).to_string();
    let variant = world.put("www/index.html.br", "br");
    variant.content_encoding = Some("br".into());
    variant.metadata = Some(vec![MetadataPair::new(SOURCE_DIGEST, digest("home"))]);
    let request = get("/", &[("accept-encoding", "br")]);
    let body = |world: &World| String::from_utf8(ask(world, &request).body).unwrap();
    assert_eq!(body(&world), "br");
    // The document is replaced, and its variant is not.
    world.put("www/index.html", "new home");
    let received = ask(&world, &request);
    assert_eq!((&*received.body, received.header("vary")), (&b"new home"[..], None));
    assert!(!received.is_upgraded);
    // A digest that is unknown or wrong proves nothing.
    world.put("www/index.html", "home");
    assert_eq!(body(&world), "br");
    for state in [None, Some(ChecksumState::Mismatch)] {
        let info = &mut world.object_mut("www/index.html").info;
        info.sha256 = state.map(|state| Checksum { state, ..info.sha256.clone().unwrap() });
        assert_eq!(body(&world), "home", "{state:?}");
        world.put("www/index.html", "home");
    }
}

#[test]
fn ranges_of_small_objects_need_an_update() {
    const NO_BYTE: &str = "The document has no byte of the range.\n";
    let mut world = www();
    for (range, status, body, content_range) in [
        ("bytes=1-2", 206, "om", Some("bytes 1-2/4")),
        ("bytes=-1", 206, "e", Some("bytes 3-3/4")),
        ("bytes=0-", 206, "home", Some("bytes 0-3/4")),
        ("bytes=4-", 416, NO_BYTE, Some("bytes */4")),
        ("bytes=-0", 416, NO_BYTE, Some("bytes */4")),
        ("bytes=2-1", 416, NO_BYTE, Some("bytes */4")),
        ("bytes=0-0,2-3", 200, "home", None),
        ("lines=0-1", 200, "home", None),
    ] {
        let received = ask(&world, &get("/", &[("range", range)]));
        assert_eq!((received.status, &*received.body), (status, body.as_bytes()), "{range}");
        assert_eq!((received.header("content-range"), received.is_upgraded), (content_range, status != 200));
    }
    let other = [("range", "bytes=1-2"), ("if-range", "\"x\"")];
    assert_eq!(status(&world, &get("/", &other)), (200, false));
    // A player begins with the range of all bytes.
    world.put("www/sound", "sound").content_type = Some("audio/ogg".into());
    for (range, is_upgraded) in [("bytes=0-", false), ("bytes=0-4", false), ("bytes=0-3", true)] {
        assert_eq!(status(&world, &get("/sound", &[("range", range)])), (206, is_upgraded), "{range}");
    }
    assert_eq!(status(&world, &HttpRequest::get("/sound")), (200, false));
    world.put("www/silence", "").content_type = Some("audio/ogg".into());
    assert_eq!(status(&world, &HttpRequest::get("/silence")), (200, false), "it has no range");
}

#[test]
fn only_the_range_of_all_bytes_of_a_sound_at_its_own_path_is_certified() {
    let mut world = World::new(Site { not_found: Some("404.ogg".into()), ..Site::new("www/") });
    world.put("www/404.ogg", "sound").content_type = Some("audio/ogg".into());
    world.put("www/text", "text");
    let is_certified = |resource: Resource, start, end| {
        let Resource::Document(document) = resource else { panic!("{resource:?}") };
        document.body_hash(&document.facts(&document.versions[0]), start, end).is_some()
    };
    let at = |path| Resource::at(&world.served, path, &world).unwrap();
    assert!(is_certified(at("/www/404.ogg"), 0, 5));
    assert!(!is_certified(at("/www/404.ogg"), 0, 4) && !is_certified(at("/www/404.ogg"), 1, 5));
    assert!(!is_certified(at("/www/text"), 0, 4));
    assert!(!is_certified(Resource::fallback(&world.served, &world).unwrap(), 0, 5));
}

#[test]
fn large_objects_are_served_in_certified_pieces() {
    let mut world = www();
    let bytes: Vec<u8> = (0..2 * PIECE + 5).map(|at| (at / 1_000) as u8).collect();
    world.put("www/large", bytes.clone());
    for (range, (start, end), is_upgraded) in [
        (None, (0, PIECE), false),
        (Some("bytes=0-".to_string()), (0, PIECE), false),
        (Some(format!("bytes={PIECE}-")), (PIECE, 2 * PIECE), false),
        (Some(format!("bytes={PIECE}-{}", 2 * PIECE - 1)), (PIECE, 2 * PIECE), false),
        (Some(format!("bytes={}-", 2 * PIECE)), (2 * PIECE, 2 * PIECE + 5), false),
        (Some("bytes=-5".into()), (2 * PIECE, 2 * PIECE + 5), false),
        (Some("bytes=1-2,5-6".into()), (0, PIECE), false),
        (Some("bytes=7-".into()), (7, PIECE), true),
        (Some("bytes=0-99".into()), (0, 100), true),
    ] {
        let headers: Vec<_> = range.iter().map(|range| ("range", &**range)).collect();
        let received = ask(&world, &get("/large", &headers));
        assert_eq!((received.status, received.is_upgraded), (206, is_upgraded), "{range:?}");
        let content_range = format!("bytes {start}-{}/{}", end - 1, bytes.len());
        assert_eq!(received.header("content-range"), Some(&*content_range));
        assert!(received.body == bytes[start..end], "{range:?}");
    }
    let etag = ask(&world, &HttpRequest::get("/large")).header("etag").unwrap().to_string();
    assert_eq!(status(&world, &get("/large", &[("if-none-match", &etag)])), (304, false));
    assert_eq!(status(&world, &head("/large")), (206, false));
}

#[test]
fn only_ranges_of_a_large_object_can_be_read_until_it_is_certified() {
    let mut world = www();
    world.put("www/large", vec![1; PIECE + 1]);
    world.object_mut("www/large").pieces = None;
    let received = ask(&world, &HttpRequest::get("/large"));
    let retry = received.header("retry-after");
    assert_eq!((received.status, received.is_upgraded, retry), (503, true, Some("10")));
    assert_eq!(status(&world, &get("/large", &[("range", "bytes=0-")])), (206, true));
    assert_eq!(world.update(&head("/large")).status, 200);
}

#[test]
fn an_object_that_is_not_certified_needs_an_update() {
    let mut world = www();
    world.object_mut("www/index.html").info.sha256 = None;
    let received = ask(&world, &HttpRequest::get("/"));
    assert_eq!((received.status, &*received.body, received.is_upgraded), (200, &b"home"[..], true));
    assert_eq!((received.header("etag"), received.header("content-length")), (Some("\"r0\""), Some("4")));
    assert_eq!(status(&world, &HttpRequest::get("/a/")), (200, false));
}

#[test]
fn a_site_without_certification_answers_every_query() {
    let mut world = World::new(Site { certified: false, ..Site::new("www/") });
    let disposition = MetadataPair::new("content-disposition", "inline");
    world.put("www/index.html", "home").metadata = Some(vec![disposition]);
    world.put("www/large", vec![1; PIECE + 1]);
    world.object_mut("www/large").pieces = None;
    let post = HttpRequest { method: "POST".into(), ..HttpRequest::get("/www/") };
    for (request, expected) in [
        (HttpRequest::get("/www/"), 200),
        (get("/www/", &[("range", "bytes=1-1")]), 206),
        (get("/www/", &[("range", "bytes=9-")]), 416),
        (get("/www/", &[("if-none-match", "*")]), 304),
        (HttpRequest::get("/www"), 308),
        (HttpRequest::get("/www/x/y"), 404),
        (HttpRequest::get("/www/large"), 206),
        (post, 405),
    ] {
        assert_eq!(status(&world, &request), (expected, false), "{request:?}");
    }
    let received = ask(&world, &head("/www/large"));
    assert_eq!((received.status, received.body.len()), (200, 0));
    assert_eq!(received.header("content-length"), Some(&*(PIECE + 1).to_string()));
    let received = ask(&world, &HttpRequest::get("/www/"));
    assert_eq!(received.header("content-disposition"), Some("inline"));
}

#[test]
fn long_keys_are_not_found() {
    let world = www();
    assert_eq!(status(&world, &HttpRequest::get(format!("/{}", "a".repeat(5_000)))), (404, false));
    assert_eq!(status(&world, &HttpRequest::get(format!("/{}/", "a".repeat(1_018)))), (404, false));
}

#[test]
fn refusals_name_what_is_wrong() {
    for url in ["/a%2fb", "/../a", "/%00", "/%ff", "/%zz"] {
        let error = Request::parse(&HttpRequest::get(url)).unwrap_err();
        assert_eq!(refusal(&error).0, 400, "{url}");
    }
    let error = Request::parse(&HttpRequest::get(format!("/{}", "a".repeat(65_535)))).unwrap_err();
    assert_eq!(error, BadUrl::TooLong { bytes: 65_536 });
    assert_eq!(refusal(&error), (414, "the URL has 65536 bytes; at most 8192 are allowed\n".into()));
}

#[test]
fn a_path_belongs_to_at_most_one_site() {
    let sites = [ServedSite::new(Site::new("aa/")), ServedSite::new(Site::new("b/"))];
    let site = |path: &str| find(sites.iter(), path).map(|served| &*served.site.prefix);
    assert_eq!((site("/aa/x"), site("/b"), site("/b/")), (Some("aa/"), Some("b/"), Some("b/")));
    assert_eq!((site("/"), site("/a"), site("/bb")), (None, None, None));
}

proptest! {
    /// Whatever the headers are, the response is one that the RFC has for a GET.
    #[test]
    fn any_headers_are_answered(
        names in proptest::collection::vec(0usize..6, 0..8),
        values in proptest::collection::vec("[ -~é]{0,12}|bytes=[0-9]{0,3}-[0-9]{0,3}|(W/)?\"[a-c]{0,2}\"", 8),
    ) {
        let known = ["range", "if-range", "if-none-match", "if-match", "accept-encoding", "x"];
        let headers: Vec<_> = names.iter().zip(&values).map(|(name, value)| (known[*name], &**value)).collect();
        let received = ask(&www(), &get("/", &headers));
        prop_assert!([200, 206, 304, 412, 416].contains(&received.status), "{:?}", received);
        let is_whole = received.body == b"home" && received.header("content-range").is_none();
        prop_assert_eq!(received.status == 200, is_whole);
    }
}
