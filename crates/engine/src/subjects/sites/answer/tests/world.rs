//! A store, the tree of its sites, and a network that certifies it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use ic_http_certification as http;
use ic_response_verification::verify_request_response_pair;
use ic_verify_bls_signature::PrivateKey;
use stable_storage_api::limits::HTTP_PIECE_BYTES;
use stable_storage_api::{Checksum, ChecksumState, Error, HttpRequest, ObjectInfo, Site};

use crate::structures::hash_tree::HashTree;
use crate::subjects::sites::answer::{Answer, Body, Call, Reply, answer};
use crate::subjects::sites::certificate;
use crate::subjects::sites::digest::sha256;
use crate::subjects::sites::path::{exact_labels, wildcard_labels};
use crate::subjects::sites::request::Request;
use crate::subjects::sites::resource::{Object, Objects, Resource, ServedSite, dependents};

const CANISTER: [u8; 10] = [0, 0, 0, 0, 0, 16, 0, 1, 1, 1];
const NOW_NS: u64 = 1_700_000_000_000_000_000;

/// A site and its objects.
#[derive(Debug)]
pub(super) struct World {
    pub(super) served: ServedSite,
    objects: BTreeMap<String, (Object, Vec<u8>)>,
}

impl Objects for World {
    fn object(&self, key: &str) -> Result<Option<Object>, Error> {
        Ok(self.objects.get(key).map(|(object, _)| object.clone()))
    }
}

/// A response as the gateway gets it.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Whether an update was needed.
    pub(super) is_upgraded: bool,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.0 == name).map(|header| &*header.1)
    }
}

pub(super) fn owned(labels: Vec<&str>) -> Vec<String> {
    labels.into_iter().map(str::to_string).collect()
}

impl World {
    pub(super) fn new(site: Site) -> Self {
        assert_eq!(site.check(), Ok(()));
        Self { served: ServedSite::new(site), objects: BTreeMap::new() }
    }

    pub(super) fn put(&mut self, key: &str, bytes: impl Into<Vec<u8>>) -> &mut ObjectInfo {
        let bytes = bytes.into();
        let size = bytes.len() as u64;
        let digest = Checksum { digest: sha256(&bytes).to_vec().into(), state: ChecksumState::Verified };
        let info = ObjectInfo {
            key: key.into(),
            size,
            revision: self.objects.len() as u64,
            content_type: Some("text/html".into()),
            content_encoding: None,
            metadata: None,
            owner: None,
            created_ns: 0,
            modified_ns: 0,
            sha256: Some(digest),
        };
        let pieces = bytes.chunks(HTTP_PIECE_BYTES as usize).map(sha256).collect();
        let object = Object { info, pieces: (size > HTTP_PIECE_BYTES).then_some(pieces) };
        self.objects.insert(key.into(), (object, bytes));
        &mut self.object_mut(key).info
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.objects.remove(key);
    }

    pub(super) fn object_mut(&mut self, key: &str) -> &mut Object {
        &mut self.objects.get_mut(key).unwrap().0
    }

    /// Returns the pages of the site by their labels, each with only its digest.
    pub(super) fn pages(&self) -> BTreeMap<Vec<String>, HashTree> {
        let mut pages = BTreeMap::new();
        if self.served.site.certified {
            let paths = self.objects.keys().flat_map(|key| dependents(&self.served, key).paths);
            for path in paths {
                let page = Resource::at(&self.served, &path, self).unwrap().page(&self.served.headers);
                pages.extend(page.map(|page| (owned(exact_labels(&path)), HashTree::Pruned(page.digest()))));
            }
        }
        let fallback = Resource::fallback(&self.served, self).unwrap().fallback_page(&self.served);
        let labels = owned(wildcard_labels(&self.served.path));
        pages.extend(fallback.map(|page| (labels, HashTree::Pruned(page.digest()))));
        pages
    }

    /// Asks as a gateway does: a query first, and an update if that cannot answer. An answer to a query is not verified here.
    pub(super) fn ask(&self, request: &HttpRequest) -> Received {
        match self.reply(request, Call::Query) {
            Reply::Answer(answer) => self.receive(*answer),
            Reply::Upgrade => self.update(request),
        }
    }

    pub(super) fn update(&self, request: &HttpRequest) -> Received {
        match self.reply(request, Call::Update) {
            Reply::Answer(answer) => Received { is_upgraded: true, ..self.receive(*answer) },
            Reply::Upgrade => panic!("an update asks for an update"),
        }
    }

    fn reply(&self, request: &HttpRequest, call: Call) -> Reply {
        answer(&self.served, &Request::parse(request).unwrap(), call, self).unwrap()
    }

    fn receive(&self, answer: Answer) -> Received {
        let body = match answer.body {
            Body::Empty => Vec::new(),
            Body::Text(text) => text.into_bytes(),
            Body::Object { key, offset, length } => {
                self.objects[&key].1[offset as usize..][..length as usize].to_vec()
            }
        };
        let mut headers = answer.headers;
        if let Some(proof) = answer.proof {
            let mut pages = self.pages();
            let page = pages.insert(proof.labels.clone(), proof.shown).expect("the page is in the tree");
            assert_eq!(page.digest(), proof.page);
            assert!(proof.absent.iter().all(|labels| !pages.contains_key(labels)), "{:?}", proof.absent);
            let witness = tree(&pages.into_iter().collect::<Vec<_>>(), 0);
            let certificate = certificate(&witness.digest());
            let value = certificate::header(&certificate, &witness, &proof.labels);
            headers.push((certificate::CERTIFICATE_HEADER.into(), value));
        }
        Received { status: answer.status, headers, body, is_upgraded: false }
    }
}

/// Returns the tree of pages in the order of their labels, of which the first `depth` are above the tree.
fn tree(pages: &[(Vec<String>, HashTree)], depth: usize) -> HashTree {
    if let [(labels, page)] = pages
        && labels.len() == depth
    {
        return page.clone();
    }
    let groups = pages.chunk_by(|a, b| a.0[depth] == b.0[depth]);
    let trees = groups.map(|group| HashTree::labeled(group[0].0[depth].as_bytes(), tree(group, depth + 1)));
    trees.reduce(|left, right| HashTree::Fork(Box::new((left, right)))).unwrap()
}

static KEY: LazyLock<PrivateKey> = LazyLock::new(|| {
    let mut bytes = [0; 32];
    bytes[31] = 7;
    PrivateKey::deserialize(&bytes).unwrap()
});

fn root_key() -> Vec<u8> {
    const DER_PREFIX: &[u8] =
        b"\x30\x81\x82\x30\x1d\x06\x0d\x2b\x06\x01\x04\x01\x82\xdc\x7c\x05\x03\x01\x02\x01\x06\x0c\x2b\
          \x06\x01\x04\x01\x82\xdc\x7c\x05\x03\x02\x01\x03\x61\x00";
    [DER_PREFIX, &KEY.public_key().serialize()].concat()
}

fn certificate(root: &[u8; 32]) -> Vec<u8> {
    let mut time = Vec::new();
    crate::base::codec::put_number(&mut time, NOW_NS);
    let data = HashTree::labeled(b"certified_data", HashTree::Leaf(root.to_vec()));
    let canister = HashTree::labeled(b"canister", HashTree::labeled(&CANISTER, data));
    let state = HashTree::fork(canister, HashTree::labeled(b"time", HashTree::Leaf(time)));
    let signature = KEY.sign(&[b"\x0dic-state-root", &state.digest()[..]].concat()).serialize();
    // A map of CBOR with two fields. The encoding of the tree begins with a tag of three bytes, which the map has already.
    let text = |text: &str| [&[0x60 | text.len() as u8], text.as_bytes()].concat();
    let tree = [text("tree"), state.to_cbor()[3..].to_vec()].concat();
    [&[0xd9, 0xd9, 0xf7, 0xa2], &*tree, &text("signature"), &[0x58, 48], &signature].concat()
}

/// Returns why a gateway refuses a response, if it does.
pub(super) fn verify(request: &HttpRequest, received: &Received) -> Result<(), String> {
    let method = http::Method::from_bytes(request.method.as_bytes()).unwrap();
    let sent = http::HttpRequest::builder()
        .with_method(method)
        .with_url(&*request.url)
        .with_headers(request.headers.clone())
        .with_body(request.body.to_vec())
        .build();
    let response = http::HttpResponse::builder()
        .with_status_code(http::StatusCode::from_u16(received.status).unwrap())
        .with_headers(received.headers.clone())
        .with_body(received.body.clone())
        .build();
    let now = u128::from(NOW_NS);
    let result = verify_request_response_pair(sent, response, &CANISTER, now, 1, &root_key(), 2);
    result.map(drop).map_err(|error| error.to_string())
}
