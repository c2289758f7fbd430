//! The headers that a site adds to its responses, and the hashes of responses with them.
//!
//! A certified response has no `content-length`: the gateway computes it from the body that it has verified, and its hash would cost
//! every `put` two blocks.

use std::cell::RefCell;

use stable_storage_api::Site;

use super::digest::{EMPTY_BODY, Fields, Pair, field, message, pair, sha256, status};
use super::expression::Expression;
use super::facts::Etag;
use super::page::Response;
use super::response::{Form, Head};
use crate::structures::hash_tree::Digest;

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
    use stable_storage_api::limits::HTTP_PIECE_BYTES;

    use super::*;
    use crate::structures::hash_tree::HashTree;
    use crate::subjects::sites::facts::{Facts, Hashes};
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
                        .with_headers(vec![("If-None-Match".into(), etag.as_str().to_string())])
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

    /// The hashes of these names are between those of the headers that differ for each response.
    #[test]
    fn headers_whose_hashes_are_between_others_are_in_their_order() {
        let further = ["x-0", "x-2"].map(|name| (name.into(), "value".into()));
        let headers = SiteHeaders::new(&Site { headers: further.into(), ..Site::new("www/") });
        let facts = facts(Hashes::Whole(sha256(b"body")), 4);
        let etag = facts.etag();
        let heads = [
            (Head::redirect("/a/".into()).certified(Expression::Response), &b""[..]),
            (Head::whole(200, &facts, &etag, true).certified(Expression::Response), b"body"),
            (Head::part(&facts, &etag, true, 2, 4).certified(Expression::Response), b"dy"),
        ];
        assert_equals_reference(&headers, &heads, &etag);
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
