//! Random sites and requests: what the gateway accepts is what was stored.

use std::collections::BTreeMap;

use proptest::{prelude::*, test_runner::RngSeed};
use sha2::{Digest, Sha256};
use stable_storage_api::Site;

use super::world::{Host, PREFIX, Received, Stored};

/// Few names, so that documents, folders, variants and the documents of the site meet.
const NAMES: [&str; 14] = [
    "a",
    "a/index.html",
    "a/b",
    "a/b/index.html",
    "index.html",
    "index.html.br",
    "index.html.gz",
    "a.br",
    "a/index.html.gz",
    "404",
    "a//b",
    "b/",
    "größe 1%",
    "large",
];

/// Names of the URLs, and how they are written.
const URLS: [(&str, &str); 16] = [
    ("", ""),
    ("a", "a"),
    ("a", "%61"),
    ("a/", "a/"),
    ("a/index.html", "a/index.html?x=1"),
    ("a/b", "a/b"),
    ("a/b/", "a/b/"),
    ("index.html", "index.html"),
    ("index.html.br", "index.html.br"),
    ("404", "404"),
    ("x/y/", "x/y/"),
    // The protocol drops empty segments.
    ("a/b", "a//b"),
    ("b/", "b/"),
    ("b", "b"),
    ("größe 1%", "gr%C3%B6%C3%9Fe%201%25"),
    ("large", "large"),
];

const NOTHING: &[u8] = b"There is nothing at this path.\n";

/// An object is stored or, by kind 0, removed.
type Step = (usize, u8);

#[derive(Debug)]
struct Case {
    site: Site,
    before: Vec<Step>,
    after: Vec<Step>,
    requests: Vec<(usize, bool, bool)>,
}

fn site() -> impl Strategy<Value = Site> {
    let fallback = prop_oneof![Just(None), Just(Some("404")), Just(Some("missing"))];
    (any::<[bool; 3]>(), 0..4u8, fallback).prop_map(
        |([at_root, has_index, is_single], certified, fallback)| {
            let fallback = fallback.map(str::to_string);
            let (single_page, not_found) = if is_single { (fallback, None) } else { (None, fallback) };
            Site {
                certified: certified > 0,
                path: at_root.then(|| "/".into()),
                index: has_index.then(|| "index.html".into()),
                not_found,
                single_page,
                cache_control: is_single.then(|| "no-cache".into()),
                ..Site::new(PREFIX)
            }
        },
    )
}

fn case() -> impl Strategy<Value = Case> {
    let steps = |most| proptest::collection::vec((0..NAMES.len(), 0..8u8), 0..most);
    let requests = proptest::collection::vec((0..URLS.len(), any::<bool>(), any::<bool>()), 12);
    (site(), steps(20), steps(6), requests).prop_map(|(site, before, after, requests)| Case {
        site,
        before,
        after,
        requests,
    })
}

type Model = BTreeMap<&'static str, Stored>;

fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn step(host: &mut Host, model: &mut Model, (name, kind): Step) {
    let name = NAMES[name];
    if kind == 0 {
        host.delete(name);
        model.remove(name);
        return;
    }
    let content = match name {
        // Of two pieces.
        "large" => [&[kind][..], &b"0123456789".repeat(200_000)].concat(),
        _ if kind == 1 => Vec::new(),
        _ => format!("{name} {kind}").into_bytes(),
    };
    let document = name.rsplit_once('.').map_or(name, |(document, _)| document);
    let object = Stored {
        content,
        encoding: match name.rsplit_once('.') {
            Some((_, "br")) if kind > 2 => Some("br"),
            Some((_, "gz")) if kind > 2 => Some("gzip"),
            _ => None,
        },
        // The variant of one version of its document.
        source: (kind > 5).then(|| hex(format!("{document} 3").as_bytes())),
    };
    host.put(name, &object);
    model.insert(name, object);
}

/// What a site answers.
#[derive(Debug, PartialEq, Eq)]
struct Answer<'a> {
    status: u16,
    body: &'a [u8],
    encoding: Option<&'static str>,
}

fn expected<'a>(site: &Site, model: &'a Model, name: &str, accepts: bool) -> Answer<'a> {
    let is_folder = name.is_empty() || name.ends_with('/');
    let index = |folder: &str| site.index.as_ref().map(|index| format!("{folder}{index}"));
    let document = if is_folder { index(name) } else { Some(name.to_owned()) };
    let find = |key: &str| model.get(key);
    if let Some(key) = document
        && let Some(identity) = find(&key)
    {
        let variant = |suffix, coding| {
            let variant = find(&format!("{key}{suffix}")).filter(|_| accepts)?;
            let is_current = variant.source.as_ref().is_none_or(|source| *source == hex(&identity.content));
            (variant.encoding == Some(coding) && is_current).then_some(variant)
        };
        let chosen = variant(".br", "br").or_else(|| variant(".gz", "gzip")).unwrap_or(identity);
        return Answer { status: 200, body: &chosen.content, encoding: chosen.encoding };
    }
    let folder = index(&format!("{name}/")).filter(|_| !is_folder);
    if folder.is_some_and(|key| find(&key).is_some()) {
        return Answer { status: 308, body: b"", encoding: None };
    }
    let fallback = |name: &Option<String>| name.as_ref().and_then(|name| model.get(&**name));
    match (fallback(&site.not_found), fallback(&site.single_page)) {
        (Some(page), _) => Answer { status: 404, body: &page.content, encoding: page.encoding },
        (None, Some(page)) => Answer { status: 200, body: &page.content, encoding: page.encoding },
        (None, None) => Answer { status: 404, body: NOTHING, encoding: None },
    }
}

fn answer_of(received: &Received) -> (u16, Result<&[u8], &[u8]>, Option<&str>) {
    let body = received.body.as_deref().map_err(Vec::as_slice);
    (received.status, body, received.header("content-encoding"))
}

async fn check(case: Case) {
    let (mut host, mut model) = (Host::new(), Model::new());
    case.before.iter().for_each(|change| step(&mut host, &mut model, *change));
    host.declare(&case.site);
    case.after.iter().for_each(|change| step(&mut host, &mut model, *change));
    // A large object that was stored after the declaration waits for its digests.
    host.declare(&case.site);
    let gateway = host.serve();
    for (url, accepts, is_head) in case.requests {
        let (name, url) = (URLS[url].0, format!("{}{}", case.site.url_path(), URLS[url].1));
        let expected = expected(&case.site, &model, name, accepts);
        let accepted = [("accept-encoding", "gzip, br")];
        let headers = if accepts { &accepted[..] } else { &[] };
        let method = if is_head { "HEAD" } else { "GET" };
        let received = gateway.ask(method, &url, headers).await;
        let body = if is_head { b"" } else { expected.body };
        let (status, encoding) = (expected.status, expected.encoding);
        assert_eq!(answer_of(&received), (status, Ok(body), encoding), "{method} {url}");
        // A client that has the document gets no body.
        let etag =
            received.header("etag").filter(|_| status == 200 && !is_head && !received.headers.is_empty());
        if let Some(etag) = etag {
            let again = [headers, &[("if-none-match", etag)]].concat();
            let unchanged = gateway.ask("GET", &url, &again).await;
            assert_eq!((unchanged.status, &unchanged.body), (304, &Ok(Vec::new())), "{url} {etag}");
        }
    }
    // Everything was certified, absence too.
    assert_eq!(gateway.updates(), 0);
    gateway.stop().await;
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 16,
        rng_seed: RngSeed::Fixed(16),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_accepted_is_what_was_stored(case in case()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(case));
    }
}
