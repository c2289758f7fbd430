//! Requests: method, path, and the headers on which a response depends.

use stable_storage_api::HttpRequest;

use super::conditional::{AcceptedCodings, EtagList};
use super::path::{BadUrl, UrlPath};
use super::range::{Range, RangeHeader};

/// Method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Other,
}

/// A request, as far as a response depends on it.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) path: UrlPath,
    pub(crate) has_body: bool,
    pub(crate) if_match: EtagList<'a>,
    pub(crate) if_none_match: EtagList<'a>,
    pub(crate) accepted: AcceptedCodings,
    if_range: Option<&'a str>,
    range: RangeHeader,
}

impl<'a> Request<'a> {
    /// Reads a request. Its headers are read once, however many there are.
    pub(crate) fn parse(http: &'a HttpRequest) -> Result<Self, BadUrl> {
        let mut request = Self {
            method: match &*http.method {
                "GET" => Method::Get,
                "HEAD" => Method::Head,
                _ => Method::Other,
            },
            path: UrlPath::parse(&http.url)?,
            has_body: !http.body.is_empty(),
            if_match: EtagList::default(),
            if_none_match: EtagList::default(),
            accepted: AcceptedCodings::default(),
            if_range: None,
            range: RangeHeader::default(),
        };
        http.headers.iter().for_each(|(name, value)| request.read_header(name, value));
        Ok(request)
    }

    fn read_header(&mut self, name: &str, value: &'a str) {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if is("if-none-match") {
            self.if_none_match.add(value);
        } else if is("if-match") {
            self.if_match.add(value);
        } else if is("accept-encoding") {
            self.accepted.add(value);
        } else if is("range") {
            self.range.add(value);
        } else if is("if-range") {
            // A field with one value, twice: no entity tag equals both.
            self.if_range = Some(if self.if_range.is_some() { "" } else { value });
        }
    }

    /// Returns the range of a `GET`, unless it was meant for a version with another entity tag.
    pub(crate) fn range(&self, etag: &str) -> Option<Range> {
        let is_current = self
            .if_range
            .is_none_or(|value| value.trim_matches([' ', '\t']) == etag && !etag.starts_with("W/"));
        self.range.get().filter(|_| self.method == Method::Get && is_current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(headers: &[(&str, &str)]) -> HttpRequest {
        let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        HttpRequest { headers, ..HttpRequest::get("/a") }
    }

    #[test]
    fn ranges_depend_on_method_and_if_range() {
        let range = |headers: &[(&str, &str)]| Request::parse(&with(headers)).unwrap().range("\"e\"");
        let first = Some(Range::From { first: 1, last: None });
        assert_eq!(range(&[("RANGE", "bytes=1-")]), first);
        assert_eq!(range(&[("range", "bytes=1-"), ("If-Range", "\"e\"")]), first);
        for other in ["\"f\"", "W/\"e\"", "e", "*", "", "Wed, 21 Oct 2015 07:28:00 GMT", "\"e\", \"f\""] {
            assert_eq!(range(&[("range", "bytes=1-"), ("if-range", other)]), None, "{other}");
        }
        let twice = [("range", "bytes=1-"), ("if-range", "\"e\""), ("if-range", "\"e\"")];
        assert_eq!(range(&twice), None);
        assert_eq!(range(&[("range", "bytes=1-"), ("range", "bytes=1-")]), None);
        let head = HttpRequest { method: "HEAD".into(), ..with(&[("range", "bytes=1-")]) };
        assert_eq!(Request::parse(&head).unwrap().range("\"e\""), None);
    }

    #[test]
    fn a_thousand_headers_are_read() {
        let mut http = with(&[]);
        let headers = (0..1_000).flat_map(|at| {
            [("if-none-match".to_string(), format!("\"{at}\"")), (format!("x-{at}"), "v".repeat(1_000))]
        });
        http.headers = headers.collect();
        let request = Request::parse(&http).unwrap();
        assert!(
            request.if_none_match.matches_weakly("\"999\"")
                && !request.if_none_match.matches_weakly("\"1000\"")
        );
    }

    #[test]
    fn methods_are_read_as_they_are_written() {
        for (method, expected) in
            [("GET", Method::Get), ("HEAD", Method::Head), ("get", Method::Other), ("", Method::Other)]
        {
            let http = HttpRequest { method: method.into(), ..HttpRequest::get("/") };
            assert_eq!(Request::parse(&http).unwrap().method, expected);
        }
    }
}
