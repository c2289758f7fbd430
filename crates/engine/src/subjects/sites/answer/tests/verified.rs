//! Random sites and requests: what is accepted is what is stored, and nothing that was tampered with is accepted.

use proptest::prelude::*;
use stable_storage_api::{HttpRequest, MetadataPair, SOURCE_DIGEST, Site};

use super::world::{Received, World, owned, verify};
use crate::subjects::sites::digest::sha256;
use crate::subjects::sites::facts::Hex;
use crate::subjects::sites::path::{exact_labels, wildcard_labels};
use crate::subjects::sites::resource::dependents;

/// Few names, so that objects, folders, variants and documents of the site meet.
const NAMES: [&str; 12] = [
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
];

const URLS: [&str; 14] = [
    "",
    "a",
    "a/",
    "a/index.html",
    "a/b",
    "a/b/",
    "index.html",
    "index.html.br",
    "404",
    "x",
    "x/y/",
    "a/x",
    "a//b",
    "b/",
];

fn site() -> impl Strategy<Value = Site> {
    let fallback = prop_oneof![Just(None), Just(Some("404")), Just(Some("missing"))];
    (any::<[bool; 4]>(), fallback).prop_map(|([certified, at_root, has_index, is_single], fallback)| {
        let fallback = fallback.map(str::to_string);
        let (single_page, not_found) = if is_single { (fallback, None) } else { (None, fallback) };
        Site {
            certified,
            path: at_root.then(|| "/".into()),
            index: has_index.then(|| "index.html".into()),
            not_found,
            single_page,
            cors: is_single.then(|| "*".into()),
            headers: vec![("x-frame-options".into(), "DENY".into())],
            ..Site::new("w/")
        }
    })
}

/// Puts an object; its kind decides whether it is a variant, and whether it is certified.
fn put(world: &mut World, name: usize, kind: u8) {
    let name = NAMES[name];
    let info = world.put(&format!("w/{name}"), format!("{name} {kind}"));
    info.content_encoding = match name.rsplit_once('.') {
        Some((_, "br")) if kind > 1 => Some("br".into()),
        Some((_, "gz")) if kind > 1 => Some("gzip".into()),
        _ => None,
    };
    if kind == 0 {
        info.sha256 = None;
    }
    if kind > 5 {
        // A variant of one version of its document.
        let document = name.rsplit_once('.').map_or(name, |(document, _)| document);
        let digest = Hex(&sha256(format!("{document} 3").as_bytes())).to_string();
        info.metadata = Some(vec![MetadataPair::new(SOURCE_DIGEST, digest)]);
    }
}

fn world() -> impl Strategy<Value = World> {
    let objects = proptest::collection::vec((0..NAMES.len(), 0u8..8), 0..10);
    (site(), objects).prop_map(|(site, objects)| {
        let mut world = World::new(site);
        objects.into_iter().for_each(|(name, kind)| put(&mut world, name, kind));
        world
    })
}

fn request(world: &World, url: usize, accept: bool, range: bool, is_head: bool) -> HttpRequest {
    let mut request = HttpRequest::get(format!("{}{}", world.served.path, URLS[url]));
    if accept {
        request.headers.push(("accept-encoding".into(), "gzip, br, identity".into()));
    }
    if range {
        request.headers.push(("range".into(), "bytes=1-2".into()));
    }
    if is_head {
        request.method = "HEAD".into();
    }
    request
}

/// Returns responses that differ from a good one in one part.
fn tampered(good: &Received) -> Vec<Received> {
    let mut all = Vec::new();
    let mut change = |change: &dyn Fn(&mut Received)| {
        let mut bad = good.clone();
        change(&mut bad);
        all.push(bad);
    };
    change(&|bad| bad.status = if bad.status == 200 { 404 } else { 200 });
    change(&|bad| bad.body.push(0));
    change(&|bad| bad.headers.push(("x-added".into(), "1".into())));
    if !good.body.is_empty() {
        change(&|bad| bad.body[0] ^= 1);
        change(&|bad| bad.body.truncate(bad.body.len() - 1));
    }
    for at in 0..good.headers.len() {
        change(&|bad| drop(bad.headers.remove(at)));
        change(&|bad| {
            let middle = bad.headers[at].1.len() / 2;
            bad.headers[at].1.insert(middle, 'A');
        });
    }
    all
}

#[test]
fn only_the_document_itself_decides_whether_its_folder_exists() {
    let world = World::new(Site { path: Some("/".into()), ..Site::new("www/") });
    for (key, paths) in [
        ("www/a/index.html", &["/a/", "/a", "/a/index.html"][..]),
        ("www/a/index.html.gz", &["/a/", "/a/index.html", "/a/index.html.gz"]),
        ("www/index.html", &["/", "/index.html"]),
        ("www/aindex.html", &["/aindex.html"]),
    ] {
        assert_eq!(dependents(&world.served, key).paths, paths, "{key}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn answers_to_queries_are_verified_and_equal_those_to_updates(
        world in world(),
        url in 0..URLS.len(),
        (accept, range, is_head) in any::<(bool, bool, bool)>(),
    ) {
        let request = request(&world, url, accept, range, is_head);
        let received = world.ask(&request);
        let updated = world.update(&request);
        if received.is_upgraded {
            prop_assert!(world.served.site.certified);
            return Ok(());
        }
        prop_assert_eq!(verify(&request, &received), Ok(()));
        prop_assert_eq!(received.status, updated.status);
        prop_assert!(received.body == updated.body || is_head);
        // All headers are the same but those that belong to certification.
        let own = |all: &Received| {
            let mut headers = all.headers.clone();
            headers.retain(|(name, _)| !name.starts_with("ic-certificate") && name != "content-length");
            headers
        };
        prop_assert_eq!(own(&received), own(&updated));
    }

    #[test]
    fn what_was_tampered_with_is_refused(world in world(), url in 0..URLS.len(), accept: bool) {
        let request = request(&world, url, accept, false, false);
        let received = world.ask(&request);
        if world.served.site.certified && !received.is_upgraded {
            for bad in tampered(&received) {
                prop_assert!(verify(&request, &bad).is_err(), "{:?}\n{:?}", received, bad);
            }
        }
    }

    /// A response of one path is none of another, unless both are the same.
    #[test]
    fn a_response_belongs_to_its_path(world in world(), url in 0..URLS.len(), other in 0..URLS.len()) {
        let plain = |url| request(&world, url, false, false, false);
        let (request, other) = (plain(url), plain(other));
        let (received, expected) = (world.ask(&request), world.ask(&other));
        let is_certified = world.served.site.certified && !received.is_upgraded && !expected.is_upgraded;
        if is_certified && verify(&other, &received).is_ok() {
            prop_assert_eq!((received.status, received.body), (expected.status, expected.body));
        }
    }

    /// A put or a delete changes no page but those of `dependents`.
    #[test]
    fn only_dependents_change(mut world in world(), name in 0..NAMES.len(), kind in 0u8..8, is_removed: bool) {
        let before = world.pages();
        let key = format!("w/{}", NAMES[name]);
        match is_removed {
            true => world.remove(&key),
            false => put(&mut world, name, kind),
        }
        let after = world.pages();
        let dependents = dependents(&world.served, &key);
        let mut known: Vec<_> = dependents.paths.iter().map(|path| owned(exact_labels(path))).collect();
        if dependents.fallback {
            known.push(owned(wildcard_labels(&world.served.path)));
        }
        for labels in before.keys().chain(after.keys()) {
            let is_same = before.get(labels) == after.get(labels);
            prop_assert!(is_same || known.contains(labels), "{:?} of {}", labels, key);
        }
    }
}
