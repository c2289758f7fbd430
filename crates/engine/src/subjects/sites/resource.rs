//! What a path of a site stands for: a document, a folder, or nothing; and the page of its certified responses.
//!
//! A page is a function of the objects under a few keys. [`dependents`] is the other direction: the paths whose pages a change of an
//! object can change.

use stable_storage_api::limits::{HTTP_PIECE_BYTES, MAX_KEY_BYTES};
use stable_storage_api::{ChecksumState, Error, ObjectInfo, SOURCE_DIGEST, Site};

use super::digest::{EMPTY_BODY, sha256};
use super::expression::Expression;
use super::facts::{Etag, Facts, Hashes, Hex};
use super::headers::SiteHeaders;
use super::page::{Page, Response};
use super::path::{Escaped, key_of, path_of};
use super::response::Head;
use crate::structures::hash_tree::Digest;

/// Body of the response for a path without an object, if the site has no document for it.
pub(crate) const NOT_FOUND: &str = "There is nothing at this path.\n";

/// A site, with what is computed once for all its responses.
#[derive(Debug)]
pub(crate) struct ServedSite {
    pub(crate) site: Site,
    /// Path of its URLs.
    pub(crate) path: String,
    pub(crate) headers: SiteHeaders,
}

impl ServedSite {
    pub(crate) fn new(site: Site) -> Self {
        Self { path: site.url_path(), headers: SiteHeaders::new(&site), site }
    }
}

/// An object of the store, as far as responses need it.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) info: ObjectInfo,
    /// SHA-256 of each piece, if the object is larger than one piece and they are computed.
    pub(crate) pieces: Option<Vec<Digest>>,
}

impl Object {
    fn facts(&self) -> Facts<'_> {
        Facts::of(&self.info, self.pieces.as_deref())
    }

    /// Returns whether the object may be a variant of a document: one that names the digest of its source is a variant of no other
    /// document, and of none without a digest. So a document is never shown as it was before it was replaced.
    fn is_of_source(&self, document: &Self) -> bool {
        let pairs = self.info.metadata.as_deref().unwrap_or_default();
        let Some(named) = pairs.iter().find(|pair| pair.name == SOURCE_DIGEST) else { return true };
        let sound = document.info.sha256.as_ref().filter(|sha256| sha256.state != ChecksumState::Mismatch);
        sound.is_some_and(|sha256| named.value == Hex(&sha256.digest).to_string())
    }
}

/// The objects of a store.
pub(crate) trait Objects {
    /// Returns the object under a key.
    fn object(&self, key: &str) -> Result<Option<Object>, Error>;
}

/// How the bytes of a version of a document are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Gzip,
    /// As they are stored under the key of the document.
    Identity,
}

impl Coding {
    /// The codings of variants, the best first.
    const VARIANTS: [Self; 2] = [Self::Brotli, Self::Gzip];

    fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
            Self::Identity => "",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Identity => "identity",
        }
    }
}

/// What a path stands for.
#[derive(Clone, Debug)]
pub(crate) enum Resource {
    Document(Document),
    /// A folder, whose path has a further slash.
    Redirect {
        location: String,
    },
    Nothing,
}

/// A document in all its versions.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// 200, or 404 for the not-found document.
    pub(crate) status: u16,
    /// The best coding first; the last is always [`Coding::Identity`].
    pub(crate) versions: Vec<Version>,
    /// Content type of all versions.
    content_type: Option<String>,
}

/// A version of a document.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) coding: Coding,
    pub(crate) object: Object,
    pub(crate) etag: Etag,
}

impl Resource {
    /// Returns what a path of a site stands for.
    pub(crate) fn at(served: &ServedSite, path: &str, objects: &impl Objects) -> Result<Self, Error> {
        let ServedSite { site, path: site_path, .. } = served;
        let index = |folder: String| site.index.as_ref().map(|index| folder + index);
        // The path of the site without its last slash is its folder.
        let key = match key_of(site, site_path, path) {
            Some(key) => key,
            None => site.prefix.strip_suffix('/').unwrap_or(&site.prefix).to_string(),
        };
        let is_folder = path.ends_with('/');
        let document = match is_folder {
            true => index(key.clone()),
            false => Some(key.clone()).filter(|key| key.starts_with(&site.prefix)),
        };
        if let Some(key) = document
            && let Some(document) = Document::read(site, &key, objects)?
        {
            return Ok(Self::Document(document));
        }
        let folder = index(format!("{key}/")).filter(|_| !is_folder);
        let is_redirect = folder.map_or(Ok(None), |key| object(objects, &key))?.is_some();
        Ok(match is_redirect {
            true => Self::Redirect { location: format!("{}/", Escaped(path)) },
            false => Self::Nothing,
        })
    }

    /// Returns what all paths of a site stand for that stand for nothing else.
    pub(crate) fn fallback(served: &ServedSite, objects: &impl Objects) -> Result<Self, Error> {
        let site = &served.site;
        let (name, status) = match (&site.not_found, &site.single_page) {
            (Some(name), _) => (name, 404),
            (None, Some(name)) => (name, 200),
            (None, None) => return Ok(Self::Nothing),
        };
        let object = object(objects, &format!("{}{name}", site.prefix))?;
        // A larger document would need pieces, which a path without an object does not have.
        let object = object.filter(|object| !object.facts().is_large());
        Ok(object.map_or(Self::Nothing, |object| {
            Self::Document(Document::new(status, vec![(Coding::Identity, object)]))
        }))
    }

    /// Returns the page of the certified responses, or `None` if the resource is nothing or cannot be certified yet.
    pub(crate) fn page(&self, headers: &SiteHeaders) -> Option<Page> {
        match self {
            Self::Document(document) => document.page(headers),
            Self::Redirect { location } => {
                let head = Head::redirect(location.clone()).certified(Expression::Response);
                Some(Page::new(vec![headers.response(&head, &EMPTY_BODY)]))
            }
            Self::Nothing => None,
        }
    }

    /// Returns the page of all paths of a site without a separate page. It is `None` if it cannot be certified yet.
    pub(crate) fn fallback_page(&self, served: &ServedSite) -> Option<Page> {
        match self {
            _ if !served.site.certified => Some(Page::new(vec![Response::SKIP])),
            Self::Nothing => {
                let head = Head::text(404).certified(Expression::Response);
                Some(Page::new(vec![served.headers.response(&head, &sha256(NOT_FOUND.as_bytes()))]))
            }
            resource => resource.page(&served.headers),
        }
    }
}

impl Document {
    /// Reads a document and its variants.
    fn read(site: &Site, key: &str, objects: &impl Objects) -> Result<Option<Self>, Error> {
        let Some(identity) = object(objects, key)? else { return Ok(None) };
        let mut versions = Vec::new();
        for coding in Coding::VARIANTS {
            let variant = object(objects, &format!("{key}{}", coding.suffix()))?;
            let variant = variant.filter(|variant| is_variant(site, coding, variant));
            versions.extend(
                variant.filter(|variant| variant.is_of_source(&identity)).map(|variant| (coding, variant)),
            );
        }
        versions.push((Coding::Identity, identity));
        Ok(Some(Self::new(200, versions)))
    }

    fn new(status: u16, versions: Vec<(Coding, Object)>) -> Self {
        let content_type = versions.last().and_then(|(_, identity)| identity.info.content_type.clone());
        let version =
            |(coding, object): (Coding, Object)| Version { etag: object.facts().etag(), coding, object };
        Self { status, versions: versions.into_iter().map(version).collect(), content_type }
    }

    /// Returns whether the version depends on the request.
    pub(crate) fn varies(&self) -> bool {
        self.versions.len() > 1
    }

    /// Returns the facts of a version.
    pub(crate) fn facts<'a>(&'a self, version: &'a Version) -> Facts<'a> {
        Facts { content_type: self.content_type.as_deref(), ..version.object.facts() }
    }

    fn page(&self, headers: &SiteHeaders) -> Option<Page> {
        let mut responses = Vec::new();
        for version in &self.versions {
            let facts = self.facts(version);
            if !facts.is_certifiable() {
                return None;
            }
            let mut add = |(head, body): (Head<'_>, Digest)| {
                responses.push(headers.response(&head.certified(Expression::Response), &body));
            };
            match facts.hashes {
                Hashes::Whole(body) => {
                    add((Head::whole(self.status, &facts, &version.etag, self.varies()), body));
                    if self.has_whole_range(&facts) {
                        add((Head::part(&facts, &version.etag, self.varies(), 0, facts.size), body));
                    }
                }
                Hashes::Pieces(pieces) => {
                    for (at, body) in pieces.iter().enumerate() {
                        let (start, end) = piece(at as u64, facts.size);
                        add((Head::part(&facts, &version.etag, self.varies(), start, end), *body));
                    }
                }
                Hashes::Unknown => {}
            }
            if self.status == 200 {
                let head =
                    Head::not_modified(&version.etag, self.varies()).certified(Expression::IfNoneMatch);
                responses.push(headers.response(&head, &EMPTY_BODY));
            }
        }
        Some(Page::new(responses))
    }

    /// Returns the hash of the bytes from `start` to `end`, exclusive, if their response is in the page.
    pub(crate) fn body_hash(&self, facts: &Facts<'_>, start: u64, end: u64) -> Option<Digest> {
        match facts.hashes {
            Hashes::Whole(body) if (start, end) == (0, facts.size) && self.has_whole_range(facts) => {
                Some(body)
            }
            Hashes::Pieces(pieces) => {
                let at = start / HTTP_PIECE_BYTES;
                let body = pieces.get(usize::try_from(at).ok()?)?;
                (piece(at, facts.size) == (start, end)).then_some(*body)
            }
            _ => None,
        }
    }

    /// Returns whether the range of all bytes has a separate response. Players of sound and video begin with that range.
    fn has_whole_range(&self, facts: &Facts<'_>) -> bool {
        let is_media = |name: &str| name.starts_with("video/") || name.starts_with("audio/");
        self.status == 200 && facts.size > 0 && self.content_type.as_deref().is_some_and(is_media)
    }
}

/// Returns the start of a piece and its end, exclusive.
pub(crate) fn piece(at: u64, size: u64) -> (u64, u64) {
    let start = at * HTTP_PIECE_BYTES;
    (start, size.min(start + HTTP_PIECE_BYTES))
}

/// Returns whether an object is a variant of the document beside it. In a certified site it must be certified already, so that
/// the document has a page in the meantime.
fn is_variant(site: &Site, coding: Coding, object: &Object) -> bool {
    let facts = object.facts();
    let is_known = !site.certified || facts.is_certifiable();
    facts.content_encoding == Some(coding.name()) && !facts.is_large() && is_known
}

fn object(objects: &impl Objects, key: &str) -> Result<Option<Object>, Error> {
    match key.len() as u64 {
        1..=MAX_KEY_BYTES => objects.object(key),
        _ => Ok(None),
    }
}

/// The pages that a change of an object can change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dependents {
    /// Paths of the pages.
    pub(crate) paths: Vec<String>,
    /// Whether the page of all paths without a separate one is among them.
    pub(crate) fallback: bool,
}

/// Returns the pages that a change of the object under `key` can change.
pub(crate) fn dependents(served: &ServedSite, key: &str) -> Dependents {
    let ServedSite { site, path: site_path, .. } = served;
    let mut paths = Vec::new();
    let documents =
        Coding::VARIANTS.iter().filter_map(|coding| key.strip_suffix(coding.suffix())).chain([key]);
    for document in documents {
        let Some(path) = path_of(site, site_path, document) else { continue };
        let folder = site.index.as_ref().and_then(|index| path.strip_suffix(index.as_str()));
        if let Some(folder) = folder.filter(|folder| folder.ends_with('/')) {
            paths.push(folder.to_string());
            // Whether the folder exists depends on the document, but not on its variants.
            let name = folder.strip_suffix('/').filter(|name| document == key && !name.is_empty());
            paths.extend(name.map(str::to_string));
        }
        paths.push(path);
    }
    let is_fallback = |name: &Option<String>| {
        name.as_deref().is_some_and(|name| key.strip_prefix(&site.prefix) == Some(name))
    };
    Dependents { paths, fallback: is_fallback(&site.not_found) || is_fallback(&site.single_page) }
}
