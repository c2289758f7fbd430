//! The heads of responses: status and headers, and their hashes.
//!
//! A certified response has no `content-length`: the gateway computes it from the body that it has verified, and its hash would cost
//! every `put` two blocks.

use std::cell::{OnceCell, RefCell};

use stable_storage_api::check::{is_field_value, is_token};
use stable_storage_api::limits::HTTP_PIECE_BYTES;
use stable_storage_api::{ChecksumState, ObjectInfo, Site};

use super::digest::{EMPTY_BODY, Fields, Pair, field, message, pair, sha256, status};
use super::expression::{EXPRESSION_HEADER, Expression};
use super::page::Response;
use crate::structures::hash_tree::Digest;

/// Name of the pair of user metadata that becomes the header of the same name.
pub(crate) const DISPOSITION: &str = "content-disposition";

/// What a response needs to know of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) size: u64,
    pub(crate) revision: u64,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) content_encoding: Option<&'a str>,
    /// Value of the user metadata [`DISPOSITION`].
    pub(crate) disposition: Option<&'a str>,
    pub(crate) hashes: Hashes<'a>,
}

/// The hashes of an object's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hashes<'a> {
    /// They are not computed, so the object is not certified.
    Unknown,
    /// SHA-256 of an object of at most one piece.
    Whole(Digest),
    /// SHA-256 of each piece of a larger object.
    Pieces(&'a [Digest]),
}

impl<'a> Facts<'a> {
    /// Takes the facts from the metadata of an object, and the hashes of its pieces, if it is larger than one piece and they are
    /// computed.
    pub(crate) fn of(info: &'a ObjectInfo, pieces: Option<&'a [Digest]>) -> Self {
        let pairs = info.metadata.as_deref().unwrap_or_default();
        let verified = info.sha256.as_ref().filter(|sha256| sha256.state == ChecksumState::Verified);
        let whole =
            verified.and_then(|sha256| sha256.digest[..].try_into().ok()).filter(|_| !is_large(info.size));
        Self {
            size: info.size,
            revision: info.revision,
            content_type: info.content_type.as_deref(),
            content_encoding: info.content_encoding.as_deref(),
            disposition: pairs.iter().find(|pair| pair.name == DISPOSITION).map(|pair| &*pair.value),
            hashes: pieces.map(Hashes::Pieces).or(whole.map(Hashes::Whole)).unwrap_or(Hashes::Unknown),
        }
    }

    /// Returns whether the object is larger than one piece.
    pub(crate) fn is_large(&self) -> bool {
        is_large(self.size)
    }

    /// Returns whether the object has everything that certification needs.
    pub(crate) fn is_certifiable(&self) -> bool {
        match self.hashes {
            Hashes::Unknown => false,
            Hashes::Whole(_) => !self.is_large(),
            Hashes::Pieces(pieces) => {
                self.is_large() && pieces.len() as u64 == self.size.div_ceil(HTTP_PIECE_BYTES)
            }
        }
    }

    /// Returns the entity tag: from the hashes, or from the revision while they are unknown.
    pub(crate) fn etag(&self) -> Etag {
        match self.hashes {
            Hashes::Whole(digest) => Etag::new(format!("\"{}\"", Hex(&digest))),
            Hashes::Pieces(pieces) => Etag::new(format!("\"p{}\"", Hex(&sha256(pieces.as_flattened())))),
            Hashes::Unknown => Etag::new(format!("\"r{}\"", self.revision)),
        }
    }
}

fn is_large(size: u64) -> bool {
    size > HTTP_PIECE_BYTES
}

struct Hex<'a>(&'a [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::with_capacity(2 * self.0.len());
        let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
        self.0.iter().for_each(|byte| text.extend([digit(byte >> 4), digit(byte & 15)]));
        f.write_str(&text)
    }
}

/// Entity tag with its quotes; its hash is computed once for all responses that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Etag {
    text: String,
    hash: OnceCell<Digest>,
}

impl Etag {
    pub(crate) fn new(text: String) -> Self {
        Self { text, hash: OnceCell::new() }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    fn hash(&self) -> &Digest {
        self.hash.get_or_init(|| sha256(self.text.as_bytes()))
    }
}

/// The fields that many responses of a site have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form<T> {
    status: u16,
    expression: Option<Expression>,
    content_type: Option<T>,
    content_encoding: Option<T>,
    disposition: Option<T>,
    has_ranges: bool,
    varies: bool,
}

impl Form<&str> {
    fn with_status(status: u16) -> Self {
        Self {
            status,
            expression: None,
            content_type: None,
            content_encoding: None,
            disposition: None,
            has_ranges: false,
            varies: false,
        }
    }

    fn to_owned(self) -> Form<String> {
        Form {
            status: self.status,
            expression: self.expression,
            content_type: self.content_type.map(str::to_string),
            content_encoding: self.content_encoding.map(str::to_string),
            disposition: self.disposition.map(str::to_string),
            has_ranges: self.has_ranges,
            varies: self.varies,
        }
    }

    /// Returns names and values, in the order in which a response has them.
    fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let expression = self.expression.map(Expression::text);
        [
            (EXPRESSION_HEADER, expression),
            ("content-type", self.content_type),
            ("content-encoding", self.content_encoding),
            (DISPOSITION, self.disposition),
            ("accept-ranges", self.has_ranges.then_some("bytes")),
            ("vary", self.varies.then_some("accept-encoding")),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name, value)))
    }
}

impl Form<String> {
    fn as_strs(&self) -> Form<&str> {
        Form {
            status: self.status,
            expression: self.expression,
            content_type: self.content_type.as_deref(),
            content_encoding: self.content_encoding.as_deref(),
            disposition: self.disposition.as_deref(),
            has_ranges: self.has_ranges,
            varies: self.varies,
        }
    }
}

/// Status and headers of a response, except the headers that all responses of the site have.
#[derive(Clone, Debug)]
pub(crate) struct Head<'a> {
    form: Form<&'a str>,
    content_range: Option<String>,
    location: Option<String>,
    etag: Option<&'a Etag>,
    /// A further header, which no certified response has.
    other: Option<(&'static str, String)>,
}

impl<'a> Head<'a> {
    fn of(form: Form<&'a str>) -> Self {
        Self { form, content_range: None, location: None, etag: None, other: None }
    }

    /// The bytes of an object: all of them (200), or the document of a site for paths without an object (200 or 404).
    pub(crate) fn whole(status: u16, facts: &Facts<'a>, etag: &'a Etag, varies: bool) -> Self {
        let form = Form {
            content_type: Some(content_type(facts.content_type)),
            content_encoding: facts.content_encoding.filter(|encoding| is_list(encoding)),
            disposition: facts.disposition.filter(|disposition| is_disposition(disposition)),
            has_ranges: status == 200,
            varies,
            ..Form::with_status(status)
        };
        Self { etag: Some(etag), ..Self::of(form) }
    }

    /// The bytes of an object from `start` to `end`, exclusive (206).
    pub(crate) fn part(facts: &Facts<'a>, etag: &'a Etag, varies: bool, start: u64, end: u64) -> Self {
        let mut head = Self::whole(200, facts, etag, varies);
        head.form.status = 206;
        head.content_range = Some(format!("bytes {start}-{}/{}", end - 1, facts.size));
        head
    }

    /// The client has the current bytes (304).
    pub(crate) fn not_modified(etag: &'a Etag, varies: bool) -> Self {
        Self { etag: Some(etag), ..Self::of(Form { varies, ..Form::with_status(304) }) }
    }

    /// The client must use another path (308). `location` needs no escapes any more.
    pub(crate) fn redirect(location: String) -> Self {
        Self { location: Some(location), ..Self::of(Form::with_status(308)) }
    }

    /// A sentence in plain text: that there is nothing (404), or what is wrong with the request (400, 405, 412, 414, 503).
    pub(crate) fn text(status: u16) -> Self {
        let form = Form { content_type: Some("text/plain; charset=utf-8"), ..Form::with_status(status) };
        let other = match status {
            405 => Some(("allow", "GET, HEAD".to_string())),
            503 => Some(("retry-after", "10".to_string())),
            _ => None,
        };
        Self { other, ..Self::of(form) }
    }

    /// No byte of the range exists (416).
    pub(crate) fn unsatisfiable(facts: &Facts<'_>) -> Self {
        let head = Self::text(416);
        Self { content_range: Some(format!("bytes */{}", facts.size)), ..head }
    }

    /// Adds the header that states what is certified.
    pub(crate) fn certified(mut self, expression: Expression) -> Self {
        self.form.expression = Some(expression);
        self
    }

    /// Adds the length of the body: not for certified responses.
    pub(crate) fn with_length(mut self, bytes: u64) -> Self {
        let is_certified =
            matches!(self.form.expression, Some(Expression::Response | Expression::IfNoneMatch));
        debug_assert!(!is_certified, "a certified response has no length");
        self.other = self.other.or_else(|| Some(("content-length", bytes.to_string())));
        self
    }

    pub(crate) fn status(&self) -> u16 {
        self.form.status
    }
}

/// Returns a content type that can be a header.
fn content_type(declared: Option<&str>) -> &str {
    declared.filter(|text| !text.is_empty() && is_field_value(text)).unwrap_or("application/octet-stream")
}

fn is_list(encodings: &str) -> bool {
    is_field_value(encodings)
        && encodings.split(',').all(|encoding| is_token(encoding.trim_matches([' ', '\t'])))
}

fn is_disposition(text: &str) -> bool {
    is_field_value(text)
        && text.split(';').next().is_some_and(|kind| is_token(kind.trim_end_matches([' ', '\t'])))
}

/// The headers that all responses of a site have, and the hashes of what its responses have in common.
#[derive(Debug)]
pub(crate) struct SiteHeaders {
    headers: Vec<(String, String)>,
    hashed: Vec<Pair>,
    /// The forms of the last responses, with their hashes.
    forms: RefCell<Vec<(Form<String>, Fields)>>,
    /// The fields of a `GET` whose `if-none-match` is certified, without that field.
    request: Fields,
}

/// The most forms that a site remembers: about one for each content type in use.
const MAX_FORMS: usize = 64;

impl SiteHeaders {
    pub(crate) fn new(site: &Site) -> Self {
        let mut headers = Vec::new();
        let mut add = |name: &str, value: &str| headers.push((name.to_ascii_lowercase(), value.to_string()));
        if let Some(value) = &site.cache_control {
            add("cache-control", value);
        }
        if let Some(value) = &site.cors {
            add("access-control-allow-origin", value);
        }
        add("x-content-type-options", "nosniff");
        site.headers.iter().for_each(|(name, value)| add(name, value));
        Self {
            hashed: headers.iter().map(|(name, value)| field(name, value)).collect(),
            headers,
            forms: RefCell::default(),
            request: Fields::new(vec![field(":ic-cert-method", "GET")], &IF_NONE_MATCH),
        }
    }

    /// Returns the headers of a response.
    pub(crate) fn headers(&self, head: &Head<'_>) -> Vec<(String, String)> {
        let varying = [
            ("content-range", head.content_range.as_deref()),
            ("location", head.location.as_deref()),
            ("etag", head.etag.map(Etag::as_str)),
        ];
        let varying = varying.into_iter().filter_map(|(name, value)| value.map(|value| (name, value)));
        let other = head.other.iter().map(|(name, value)| (*name, &**value));
        let fields = head.form.fields().chain(varying).chain(other);
        let own = fields.map(|(name, value)| (name.to_string(), value.to_string()));
        own.chain(self.headers.iter().cloned()).collect()
    }

    /// Returns a certified response with a body of this hash, as it is in a page.
    pub(crate) fn response(&self, head: &Head<'_>, body: &Digest) -> Response {
        let response = || message(&self.fields(head), body);
        match (head.form.expression, head.etag) {
            (Some(Expression::Response), _) => Response::to_all(response()),
            (Some(Expression::IfNoneMatch), Some(etag)) => {
                let fields = self.request.digest(&[pair(&IF_NONE_MATCH, etag.hash())]);
                Response::to_request(message(&fields, &EMPTY_BODY), response())
            }
            _ => Response::SKIP,
        }
    }

    /// Returns the hash of the status and of all headers.
    fn fields(&self, head: &Head<'_>) -> Digest {
        debug_assert!(head.other.is_none(), "{:?} is not certified", head.other);
        let mut varying = Vec::with_capacity(3);
        varying
            .extend(head.content_range.as_ref().map(|range| pair(&CONTENT_RANGE, &sha256(range.as_bytes()))));
        varying.extend(head.location.as_ref().map(|location| pair(&LOCATION, &sha256(location.as_bytes()))));
        varying.extend(head.etag.map(|etag| pair(&ETAG, etag.hash())));
        let mut forms = self.forms.borrow_mut();
        if let Some((_, fields)) = forms.iter().find(|(form, _)| form.as_strs() == head.form) {
            return fields.digest(&varying);
        }
        if forms.len() == MAX_FORMS {
            forms.remove(0);
        }
        let fields = self.hash_form(&head.form);
        let digest = fields.digest(&varying);
        forms.push((head.form.to_owned(), fields));
        digest
    }

    fn hash_form(&self, form: &Form<&str>) -> Fields {
        let mut pairs = self.hashed.clone();
        pairs.push(status(form.status));
        pairs.extend(form.fields().map(|(name, value)| field(name, value)));
        let first_varying = match form.status {
            206 => &CONTENT_RANGE,
            308 => &LOCATION,
            _ => &ETAG,
        };
        Fields::new(pairs, first_varying)
    }
}

/// SHA-256 of the name of the header.
const CONTENT_RANGE: Digest = [
    0xa3, 0x8d, 0x63, 0xc0, 0x7b, 0xbc, 0xf1, 0xe6, 0xb3, 0x1a, 0xaf, 0x80, 0x5b, 0x5d, 0x3e, 0xfb, 0x0d,
    0x48, 0x4a, 0xf2, 0x5e, 0xf8, 0x78, 0x0b, 0xa9, 0xe3, 0xf0, 0x30, 0x6f, 0x0e, 0x0f, 0x30,
];

/// SHA-256 of the name of the header.
const LOCATION: Digest = [
    0xe6, 0xea, 0xea, 0x18, 0xe8, 0x85, 0xe1, 0x07, 0x88, 0x29, 0xb5, 0x6d, 0xf3, 0x48, 0x96, 0xbe, 0x5a,
    0xb5, 0x14, 0x39, 0xe8, 0xf0, 0xba, 0x00, 0xcb, 0x16, 0x24, 0xb2, 0xc5, 0x72, 0xc1, 0x0e,
];

/// SHA-256 of the name of the header.
const ETAG: Digest = [
    0xfc, 0xae, 0xc3, 0xa5, 0x50, 0x87, 0xc9, 0x97, 0xf2, 0x4b, 0xa2, 0xa7, 0x03, 0x83, 0xed, 0x9b, 0x76,
    0x07, 0xfd, 0x85, 0xf0, 0xae, 0x2e, 0x0d, 0xcc, 0xb5, 0xec, 0x09, 0x4c, 0x75, 0xf0, 0x09,
];

/// SHA-256 of the name of the header.
const IF_NONE_MATCH: Digest = [
    0xa3, 0x1f, 0x81, 0x95, 0xb0, 0x2d, 0x3c, 0x42, 0xce, 0xb7, 0x56, 0x21, 0xad, 0x5d, 0x65, 0x20, 0x56,
    0xd7, 0x3f, 0xe8, 0x0c, 0x08, 0x6d, 0x5b, 0x6d, 0x49, 0xd8, 0x80, 0xf4, 0x3d, 0x42, 0xb4,
];

#[cfg(test)]
mod tests {
    use ic_http_certification::{
        DefaultCelBuilder, DefaultResponseCertification, HttpCertification, HttpCertificationPath,
        HttpCertificationTree, HttpCertificationTreeEntry, HttpRequest, HttpResponse, StatusCode,
    };
    use stable_storage_api::{Checksum, MetadataPair};

    use super::*;
    use crate::structures::hash_tree::HashTree;
    use crate::subjects::sites::page::Page;

    fn site() -> Site {
        Site {
            headers: vec![
                ("Content-Security-Policy".into(), "default-src *".into()),
                ("link".into(), "<a>".into()),
                ("link".into(), "<b>".into()),
            ],
            cors: Some("*".into()),
            cache_control: Some("no-cache".into()),
            ..Site::new("www/")
        }
    }

    fn facts(hashes: Hashes<'_>, size: u64) -> Facts<'_> {
        Facts {
            size,
            revision: 7,
            content_type: Some("text/html"),
            content_encoding: Some("br"),
            disposition: Some("inline"),
            hashes,
        }
    }

    fn http(headers: &SiteHeaders, head: &Head<'_>, body: &[u8]) -> HttpResponse<'static> {
        HttpResponse::builder()
            .with_status_code(StatusCode::from_u16(head.status()).unwrap())
            .with_headers(headers.headers(head))
            .with_body(body.to_vec())
            .build()
    }

    /// Adds responses to the reference's tree; its root must be that of a page.
    fn assert_equals_reference(headers: &SiteHeaders, heads: &[(Head<'_>, &[u8])], etag: &Etag) {
        let path = HttpCertificationPath::exact("/a");
        for (head, body) in heads {
            let response = headers.response(head, &sha256(body));
            let reference = http(headers, head, body);
            let whole = DefaultResponseCertification::response_header_exclusions(vec![]);
            let certification = match head.form.expression {
                Some(Expression::Response) => {
                    let cel = DefaultCelBuilder::response_only_certification()
                        .with_response_certification(whole)
                        .build();
                    HttpCertification::response_only(&cel, &reference, None).unwrap()
                }
                _ => {
                    let cel = DefaultCelBuilder::full_certification()
                        .with_request_headers(vec!["if-none-match"])
                        .with_response_certification(whole)
                        .build();
                    let request = HttpRequest::get("/a?q=1")
                        .with_headers(vec![("If-None-Match".into(), etag.text.clone())])
                        .build();
                    HttpCertification::full(&cel, &request, &reference, None).unwrap()
                }
            };
            let mut tree = HttpCertificationTree::default();
            tree.insert(&HttpCertificationTreeEntry::new(path.clone(), certification));
            let page = Page::new(vec![response]).reveal(&response).unwrap();
            let labels = ["http_expr", "a", "<$>"];
            let ours =
                labels.iter().rev().fold(page, |tree, label| HashTree::labeled(label.as_bytes(), tree));
            assert_eq!(ours.digest(), tree.root_hash(), "{head:?}");
        }
    }

    #[test]
    fn certified_responses_equal_those_of_the_reference() {
        let headers = SiteHeaders::new(&site());
        let small = facts(Hashes::Whole(sha256(b"body")), 4);
        let pieces = [[1; 32], [2; 32]];
        let large = facts(Hashes::Pieces(&pieces), HTTP_PIECE_BYTES + 3);
        for (facts, varies) in
            [(small, true), (large, false), (Facts { content_type: None, disposition: None, ..small }, false)]
        {
            let etag = facts.etag();
            fn all(head: Head<'_>) -> Head<'_> {
                head.certified(Expression::Response)
            }
            let heads = [
                (all(Head::whole(200, &facts, &etag, varies)), &b"body"[..]),
                (all(Head::whole(404, &facts, &etag, varies)), b"not found"),
                (all(Head::part(&facts, &etag, varies, HTTP_PIECE_BYTES, HTTP_PIECE_BYTES + 3)), b"end"),
                (all(Head::redirect("/a/".into())), b""),
                (all(Head::text(404)), b"not found"),
                (Head::not_modified(&etag, varies).certified(Expression::IfNoneMatch), b""),
            ];
            // The second time the forms are known.
            for _ in 0..2 {
                assert_equals_reference(&headers, &heads, &etag);
            }
        }
    }

    #[test]
    fn forms_are_forgotten_when_there_are_too_many() {
        let headers = SiteHeaders::new(&site());
        let types: Vec<_> = (0..3 * MAX_FORMS).map(|at| format!("x/{at}")).collect();
        let mut hashes = Vec::new();
        for name in types.iter().chain(&types) {
            let facts = Facts { content_type: Some(name), ..facts(Hashes::Whole([1; 32]), 1) };
            let etag = facts.etag();
            hashes.push(
                headers.response(
                    &Head::whole(200, &facts, &etag, false).certified(Expression::Response),
                    &[1; 32],
                ),
            );
            assert!(headers.forms.borrow().len() <= MAX_FORMS);
        }
        let (first, second) = hashes.split_at(types.len());
        assert_eq!(first, second);
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), types.len());
    }

    #[test]
    fn headers_have_a_fixed_order() {
        let headers = SiteHeaders::new(&site());
        let facts = facts(Hashes::Unknown, 10);
        let etag = facts.etag();
        let head = Head::part(&facts, &etag, true, 2, 5).certified(Expression::Skip).with_length(3);
        let list = headers.headers(&head);
        let lines: Vec<_> = list.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let expected = [
            "ic-certificateexpression: default_certification(ValidationArgs{no_certification:Empty{}})",
            "content-type: text/html",
            "content-encoding: br",
            "content-disposition: inline",
            "accept-ranges: bytes",
            "vary: accept-encoding",
            "content-range: bytes 2-4/10",
            "etag: \"r7\"",
            "content-length: 3",
            "cache-control: no-cache",
            "access-control-allow-origin: *",
            "x-content-type-options: nosniff",
            "content-security-policy: default-src *",
            "link: <a>",
            "link: <b>",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn refusals_state_what_is_possible() {
        let headers = SiteHeaders::new(&Site::new("www/"));
        let value = |head: Head<'_>, name: &str| {
            headers.headers(&head).into_iter().find(|header| header.0 == name).map(|header| header.1)
        };
        assert_eq!(value(Head::text(405), "allow").as_deref(), Some("GET, HEAD"));
        assert_eq!(value(Head::text(503), "retry-after").as_deref(), Some("10"));
        let unsatisfiable = Head::unsatisfiable(&facts(Hashes::Unknown, 10));
        assert_eq!(
            (unsatisfiable.status(), value(unsatisfiable, "content-range").as_deref()),
            (416, Some("bytes */10"))
        );
        assert_eq!(value(Head::redirect("/a/".into()), "location").as_deref(), Some("/a/"));
        assert_eq!(value(Head::text(404), "content-type").as_deref(), Some("text/plain; charset=utf-8"));
    }

    /// Writers can declare any text, which must not become a header that breaks the response.
    #[test]
    fn metadata_that_cannot_be_a_header_is_left_out() {
        let headers = SiteHeaders::new(&Site::new("www/"));
        for bad in ["", "a\r\nx: y", "é", " a", "\0"] {
            let facts = Facts {
                content_type: Some(bad),
                content_encoding: Some(bad),
                disposition: Some(bad),
                ..facts(Hashes::Unknown, 1)
            };
            let etag = facts.etag();
            let list = headers.headers(&Head::whole(200, &facts, &etag, false));
            let names: Vec<_> = list.iter().map(|header| &*header.0).collect();
            assert_eq!(names, ["content-type", "accept-ranges", "etag", "x-content-type-options"]);
            assert_eq!(list[0].1, "application/octet-stream");
        }
        assert!(is_list("gzip, br") && !is_list("gzip,,br") && !is_list("a b"));
        assert!(is_disposition("attachment; filename=\"a b\"") && !is_disposition("; a"));
    }

    #[test]
    fn facts_are_those_of_the_object() {
        let digest = sha256(b"body");
        let mut info = ObjectInfo {
            key: "k".into(),
            size: 4,
            revision: 9,
            content_type: Some("a/b".into()),
            content_encoding: None,
            metadata: Some(vec![MetadataPair::new("x", "y"), MetadataPair::new(DISPOSITION, "inline")]),
            owner: None,
            created_ns: 0,
            modified_ns: 0,
            sha256: Some(Checksum { digest: digest.to_vec().into(), state: ChecksumState::Verified }),
        };
        let facts = Facts::of(&info, None);
        assert_eq!(
            (facts.size, facts.revision, facts.content_type, facts.disposition),
            (4, 9, Some("a/b"), Some("inline"))
        );
        assert!(facts.is_certifiable());
        assert_eq!(
            facts.etag().as_str(),
            "\"230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5\""
        );
        info.sha256 = Some(Checksum { digest: digest.to_vec().into(), state: ChecksumState::Declared });
        assert_eq!(
            (Facts::of(&info, None).hashes, Facts::of(&info, None).etag().as_str()),
            (Hashes::Unknown, "\"r9\"")
        );
        info.size = HTTP_PIECE_BYTES + 1;
        assert!(
            !Facts::of(&info, None).is_certifiable() && !Facts::of(&info, Some(&[[0; 32]])).is_certifiable()
        );
        let pieces = [[0; 32]; 2];
        let facts = Facts::of(&info, Some(&pieces));
        assert!(facts.is_certifiable() && facts.etag().as_str().starts_with("\"p"));
    }

    #[test]
    fn hashes_of_names_are_the_constants() {
        for (name, hash) in [
            ("content-range", CONTENT_RANGE),
            ("location", LOCATION),
            ("etag", ETAG),
            ("if-none-match", IF_NONE_MATCH),
        ] {
            assert_eq!(hash, sha256(name.as_bytes()));
        }
        // Whatever varies comes last, so that the rest is compressed once.
        assert!(CONTENT_RANGE < LOCATION && LOCATION < ETAG);
    }
}
