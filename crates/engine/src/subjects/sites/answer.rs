//! The response to a request: everything from its path to its proof.
//!
//! 1. The path stands for a document, for a folder (308), or for nothing (404, or the document of the site for such paths).
//! 2. Of a document, the version is chosen by `Accept-Encoding`; then the conditions and the range decide between 200, 206, 304,
//!    412 and 416.
//! 3. In a certified site, a query answers only with a response that is in the page of the path. All others are left to an update,
//!    in which the subnet agrees on the response, so that it needs no proof.
//!
//! A site that is not certified has one page, for all its paths, which states that nothing is certified.

use stable_storage_api::Error;

use super::digest::{EMPTY_BODY, sha256};
use super::expression::Expression;
use super::facts::{Facts, Hashes};
use super::page::{Page, Response};
use super::path::{BadUrl, absent_labels, exact_labels, is_under, wildcard_labels};
use super::request::{Method, Request};
use super::resource::{Coding, Document, NOT_FOUND, Objects, Resource, ServedSite, Version, piece};
use super::response::Head;
use crate::structures::hash_tree::{Digest, HashTree};

/// How the canister was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// `http_request`: one replica answers.
    Query,
    /// `http_request_update`: the subnet answers.
    Update,
}

/// Reply to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Answer(Box<Answer>),
    /// The gateway has to repeat the request as an update.
    Upgrade,
}

/// Response to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// All headers except `ic-certificate`.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
    /// Present in every answer to a query.
    pub(crate) proof: Option<Proof>,
}

/// Where the body of a response comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Empty,
    Text(String),
    /// `length` bytes of an object, from `offset`.
    Object {
        key: String,
        offset: u64,
        length: u64,
    },
}

/// What a response needs from the tree: a witness of the page, in which the page is replaced by `shown`.
///
/// If the tree has no page with this digest under these labels, the response is not certified yet, and the reply is
/// [`Reply::Upgrade`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    /// Labels of the page; they are also the value of `expr_path`.
    pub(crate) labels: Vec<String>,
    /// Labels that the witness must prove to be absent.
    pub(crate) absent: Vec<Vec<String>>,
    /// Digest of the page.
    pub(crate) page: Digest,
    /// The page, of which only the response is shown.
    pub(crate) shown: HashTree,
}

/// Returns the site to which a path belongs. Paths of sites do not overlap.
pub(crate) fn find<'a>(
    mut sites: impl Iterator<Item = &'a ServedSite>,
    path: &str,
) -> Option<&'a ServedSite> {
    sites.find(|served| is_under(path, &served.path))
}

/// Returns status and body of the response to a URL that is refused. It belongs to no site.
pub(crate) fn refusal(url: &BadUrl) -> (u16, String) {
    let status = if matches!(url, BadUrl::TooLong { .. }) { 414 } else { 400 };
    (status, format!("{url}\n"))
}

/// Answers a request for a path of a site.
pub(crate) fn answer(
    served: &ServedSite,
    request: &Request<'_>,
    call: Call,
    objects: &impl Objects,
) -> Result<Reply, Error> {
    let at = |resource, is_exact| Exchange { served, request, call, resource, is_exact };
    if request.method == Method::Other {
        return Ok(at(&Resource::Nothing, false).text(405, "Only GET and HEAD are possible.\n"));
    }
    let resource = Resource::at(served, request.path.as_str(), objects)?;
    if let Resource::Nothing = resource {
        let fallback = Resource::fallback(served, objects)?;
        return Ok(at(&fallback, false).reply());
    }
    Ok(at(&resource, true).reply())
}

/// A request to a site, and what its path stands for.
struct Exchange<'a> {
    served: &'a ServedSite,
    request: &'a Request<'a>,
    call: Call,
    resource: &'a Resource,
    /// Whether the resource is that of exactly this path, and not that of all paths which stand for nothing else.
    is_exact: bool,
}

/// Body of a response, and its hash if a page can have the response.
struct Content {
    body: Body,
    hash: Option<Digest>,
    length: u64,
}

impl Content {
    fn empty() -> Self {
        Self { body: Body::Empty, hash: Some(EMPTY_BODY), length: 0 }
    }

    fn text(text: &str) -> Self {
        Self { body: Body::Text(text.into()), hash: None, length: text.len() as u64 }
    }

    fn part(key: &str, hash: Option<Digest>, start: u64, end: u64) -> Self {
        let length = end - start;
        Self { body: Body::Object { key: key.into(), offset: start, length }, hash, length }
    }
}

impl Exchange<'_> {
    fn reply(&self) -> Reply {
        match self.resource {
            Resource::Document(document) => self.document(document),
            Resource::Redirect { location } => {
                self.complete(Head::redirect(location.clone()), Content::empty())
            }
            Resource::Nothing => {
                let hash = Some(sha256(NOT_FOUND.as_bytes()));
                self.complete(Head::text(404), Content { hash, ..Content::text(NOT_FOUND) })
            }
        }
    }

    /// Answers with a sentence that no page has.
    fn text(&self, status: u16, text: &str) -> Reply {
        self.complete(Head::text(status), Content::text(text))
    }

    fn document(&self, document: &Document) -> Reply {
        let request = self.request;
        let version = self.version(document);
        let (facts, etag) = (document.facts(version), version.etag.as_str());
        if document.status == 200 {
            if !request.if_match.is_absent() && !request.if_match.matches_strongly(etag) {
                return self.text(412, "The document has another entity tag than those of if-match.\n");
            }
            if request.if_none_match.matches_weakly(etag) {
                return self.not_modified(document, version);
            }
            if let Some(range) = request.range(etag) {
                return match range.of(facts.size) {
                    Some((start, end)) => self.part(document, version, start, end),
                    None => self.unsatisfiable(&facts),
                };
            }
        }
        self.whole(document, version)
    }

    /// Returns the best version that the client accepts; the document as it is stored, if it accepts none.
    fn version<'d>(&self, document: &'d Document) -> &'d Version {
        let is_accepted = |version: &&Version| match version.coding {
            Coding::Brotli => self.request.accepted.brotli(),
            Coding::Gzip => self.request.accepted.gzip(),
            Coding::Identity => true,
        };
        document.versions.iter().find(is_accepted).expect("the last version is always accepted")
    }

    fn whole(&self, document: &Document, version: &Version) -> Reply {
        let facts = document.facts(version);
        if facts.is_large() && !self.is_head_without_body() {
            return self.first_piece(document, version);
        }
        let head = Head::whole(document.status, &facts, &version.etag, document.varies());
        let hash = match facts.hashes {
            Hashes::Whole(hash) => Some(hash),
            _ => None,
        };
        self.complete(head, Content::part(&version.object.info.key, hash, 0, facts.size))
    }

    /// Answers with the first piece of a large object. The gateway reads the others with queries, which it does not repeat as
    /// updates, and sends them as one body. So queries must be able to answer.
    fn first_piece(&self, document: &Document, version: &Version) -> Reply {
        let facts = document.facts(version);
        if self.served.site.certified && !facts.is_certifiable() {
            return self.text(503, "The document is being certified. Ranges of it can be read.\n");
        }
        let (start, end) = piece(0, facts.size);
        self.part(document, version, start, end)
    }

    fn part(&self, document: &Document, version: &Version, start: u64, end: u64) -> Reply {
        let facts = document.facts(version);
        let head = Head::part(&facts, &version.etag, document.varies(), start, end);
        let hash = document.body_hash(&facts, start, end);
        self.complete(head, Content::part(&version.object.info.key, hash, start, end))
    }

    fn not_modified(&self, document: &Document, version: &Version) -> Reply {
        let head = Head::not_modified(&version.etag, document.varies());
        // The page has the response to this request alone: a GET with this one entity tag.
        let request = self.request;
        let is_certified = request.method == Method::Get
            && !request.has_body
            && request.if_none_match.is(version.etag.as_str());
        self.complete(head, Content { hash: is_certified.then_some(EMPTY_BODY), ..Content::empty() })
    }

    fn unsatisfiable(&self, facts: &Facts<'_>) -> Reply {
        self.complete(Head::unsatisfiable(facts), Content::text("The document has no byte of the range.\n"))
    }

    /// Returns whether the reply to a `HEAD` has no body. A gateway verifies a certified response with its body, and sends only the
    /// head.
    fn is_head_without_body(&self) -> bool {
        let is_verified = self.served.site.certified && self.call == Call::Query;
        self.request.method == Method::Head && !is_verified
    }

    /// Completes a response with what proves it.
    fn complete(&self, head: Head<'_>, content: Content) -> Reply {
        let (head, proof) = match (self.call, self.served.site.certified) {
            (Call::Update, _) => (head.with_length(content.length), None),
            (Call::Query, false) => {
                let head = head.certified(Expression::Skip).with_length(content.length);
                (head, self.proof(&Page::new(vec![Response::SKIP]), &Response::SKIP, false))
            }
            (Call::Query, true) => {
                let Some((head, proof)) = self.certify(head, &content) else { return Reply::Upgrade };
                (head, Some(proof))
            }
        };
        Reply::Answer(Box::new(Answer {
            status: head.status(),
            headers: self.served.headers.headers(&head),
            body: if self.is_head_without_body() { Body::Empty } else { content.body },
            proof,
        }))
    }

    /// Proves a response. Returns `None` if the page does not have it.
    fn certify<'h>(&self, head: Head<'h>, content: &Content) -> Option<(Head<'h>, Proof)> {
        let hash = content.hash?;
        let page = match self.is_exact {
            true => self.resource.page(&self.served.headers)?,
            false => self.resource.fallback_page(self.served)?,
        };
        let expression = if head.status() == 304 { Expression::IfNoneMatch } else { Expression::Response };
        let head = head.certified(expression);
        let response = self.served.headers.response(&head, &hash);
        let proof = self.proof(&page, &response, self.is_exact)?;
        Some((head, proof))
    }

    fn proof(&self, page: &Page, response: &Response, is_exact: bool) -> Option<Proof> {
        let (path, site_path) = (self.request.path.as_str(), &*self.served.path);
        let owned = |labels: Vec<&str>| labels.into_iter().map(str::to_string).collect();
        let (labels, absent) = match is_exact {
            true => (exact_labels(path), Vec::new()),
            false => (wildcard_labels(site_path), absent_labels(path, site_path)),
        };
        let absent = absent.into_iter().map(owned).collect();
        Some(Proof { labels: owned(labels), absent, page: page.digest(), shown: page.reveal(response)? })
    }
}

#[cfg(test)]
mod tests;
