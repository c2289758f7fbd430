//! Paths of URLs: from the URL of a request to a path, and between paths and keys of a site.
//!
//! A gateway decodes the path of a URL, splits it at slashes and drops empty segments to find the labels in the tree
//! (`ic-response-verification`). A [`UrlPath`] has exactly these segments. What a gateway would read in two ways, for example an
//! encoded slash, is refused.

use std::fmt;

use stable_storage_api::Site;

/// The longest URL of a request, in bytes.
pub(crate) const MAX_URL_BYTES: usize = 8 * 1_024;

/// Label above all paths in the tree.
pub(crate) const HTTP_EXPR: &str = "http_expr";

/// Label after the segments of a path, above the page of exactly this path.
pub(crate) const EXACT: &str = "<$>";

/// Label after the segments of a path, above the page of all paths that begin so and have no page themselves.
pub(crate) const WILDCARD: &str = "<*>";

/// Reason why the URL of a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadUrl {
    #[error("the URL has {bytes} bytes; at most {MAX_URL_BYTES} are allowed")]
    TooLong { bytes: usize },
    #[error("the path of the URL does not begin with a slash")]
    NoSlash,
    #[error(
        "the path of the URL has an invalid escape at byte {at}; an escape is % and two hexadecimal digits"
    )]
    Escape { at: usize },
    #[error("the path of the URL has an encoded slash at byte {at}")]
    EncodedSlash { at: usize },
    #[error("the path of the URL has a zero byte")]
    ZeroByte,
    #[error("the path of the URL is not UTF-8 after decoding")]
    NotUtf8,
    #[error("the path of the URL has the segment {0:?}")]
    Segment(&'static str),
}

/// Decoded path of a URL: it begins with a slash, and has no empty segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UrlPath(String);

impl UrlPath {
    /// Reads the path of a URL that begins with its path.
    pub(crate) fn parse(url: &str) -> Result<Self, BadUrl> {
        if url.len() > MAX_URL_BYTES {
            return Err(BadUrl::TooLong { bytes: url.len() });
        }
        let encoded = &url[..url.find(['?', '#']).unwrap_or(url.len())];
        if !encoded.starts_with('/') {
            return Err(BadUrl::NoSlash);
        }
        let decoded = String::from_utf8(decode(encoded.as_bytes())?).map_err(|_| BadUrl::NotUtf8)?;
        let mut path = String::with_capacity(decoded.len());
        for segment in decoded.split('/').filter(|segment| !segment.is_empty()) {
            if let Some(name) = reserved(segment) {
                return Err(BadUrl::Segment(name));
            }
            path.push('/');
            path.push_str(segment);
        }
        if decoded.ends_with('/') {
            path.push('/');
        }
        Ok(Self(path))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the name of a segment that no path can have: the ones that a client resolves, and the labels of the tree.
fn reserved(segment: &str) -> Option<&'static str> {
    [".", "..", EXACT, WILDCARD].into_iter().find(|name| *name == segment)
}

/// Replaces the escapes of a path.
fn decode(encoded: &[u8]) -> Result<Vec<u8>, BadUrl> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut at = 0;
    while let Some(&byte) = encoded.get(at) {
        let byte = match byte {
            b'%' => {
                let digit = |at: usize| Some(char::from(*encoded.get(at)?).to_digit(16)? as u8);
                let escape = digit(at + 1).zip(digit(at + 2)).ok_or(BadUrl::Escape { at })?;
                match escape.0 << 4 | escape.1 {
                    b'/' => return Err(BadUrl::EncodedSlash { at }),
                    byte => {
                        at += 2;
                        byte
                    }
                }
            }
            byte => byte,
        };
        if byte == 0 {
            return Err(BadUrl::ZeroByte);
        }
        decoded.push(byte);
        at += 1;
    }
    Ok(decoded)
}

/// Path with escapes where a URL needs them.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.bytes().try_for_each(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => write!(f, "{}", char::from(byte)),
            b'/' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+'
            | b',' | b';' | b'=' | b':' | b'@' => write!(f, "{}", char::from(byte)),
            byte => write!(f, "%{byte:02X}"),
        })
    }
}

/// Returns the labels of the page of exactly this path: [`HTTP_EXPR`], the segments, an empty label if the path ends with a
/// slash, and [`EXACT`].
pub(crate) fn exact_labels(path: &str) -> Vec<&str> {
    let mut labels = segments(path);
    labels.push(EXACT);
    labels
}

/// Returns the labels of the page of all paths of a site without a separate page.
///
/// The last slash of the site's path adds no empty label, so the page is also that of the path without the slash.
pub(crate) fn wildcard_labels(site_path: &str) -> Vec<&str> {
    let mut labels = segments(site_path.strip_suffix('/').unwrap_or(site_path));
    labels.push(WILDCARD);
    labels
}

fn segments(path: &str) -> Vec<&str> {
    let mut labels = vec![HTTP_EXPR];
    labels.extend(path.split('/').filter(|segment| !segment.is_empty()));
    if path.ends_with('/') {
        labels.push("");
    }
    labels
}

/// Returns the labels that must be proven absent when the response for `path` is that of the site's wildcard: the exact path, and
/// every wildcard between the two.
pub(crate) fn absent_labels<'a>(path: &'a str, site_path: &str) -> Vec<Vec<&'a str>> {
    let mut absent = vec![exact_labels(path)];
    let mut labels = segments(path);
    let depth = wildcard_labels(site_path).len() - 1;
    while labels.len() > depth {
        absent.push([&labels[..], &[WILDCARD]].concat());
        let last = labels.pop();
        // The wildcard of a folder can also stand after its empty label.
        if last != Some("") {
            labels.push("");
            absent.push([&labels[..], &[WILDCARD]].concat());
            labels.pop();
        }
    }
    absent
}

/// Returns whether a path belongs to a site: it begins with the path of the site, or is that path without its last slash.
pub(crate) fn is_under(path: &str, site_path: &str) -> bool {
    path.starts_with(site_path) || Some(path) == site_path.strip_suffix('/')
}

/// Returns the path of an object's URL, or `None` if no URL has this key: it is not under the prefix of the site, or has a
/// segment that a path cannot have.
pub(crate) fn path_of(site: &Site, site_path: &str, key: &str) -> Option<String> {
    let name = key.strip_prefix(&site.prefix)?;
    let is_addressable = |segment: &str| !segment.is_empty() && reserved(segment).is_none();
    let is_good = name.split('/').all(is_addressable) && !name.contains('\0');
    is_good.then(|| [site_path, name].concat())
}

/// Returns the key that a path under the path of the site stands for. It is not a key of an object if the path ends with a slash.
pub(crate) fn key_of(site: &Site, site_path: &str, path: &str) -> Option<String> {
    path.strip_prefix(site_path).map(|name| [&*site.prefix, name].concat())
}

#[cfg(test)]
mod tests {
    use ic_http_certification::utils::more_specific_wildcards_for;
    use ic_http_certification::{HttpCertificationPath, HttpRequest};
    use proptest::prelude::*;

    use super::*;

    fn parse(url: &str) -> Result<String, BadUrl> {
        UrlPath::parse(url).map(|path| path.0)
    }

    #[test]
    fn paths_are_decoded_without_query_and_empty_segments() {
        for (url, path) in [
            ("/", "/"),
            ("/?q=/../", "/"),
            ("/a/b.html?x#y", "/a/b.html"),
            ("/a/#/%zz", "/a/"),
            ("//a///b//", "/a/b/"),
            ("/%C3%A9/%7e%20+", "/é/~ +"),
            ("/a%25b%3F%23", "/a%b?#"),
        ] {
            assert_eq!(parse(url).as_deref(), Ok(path), "{url}");
        }
    }

    #[test]
    fn paths_that_could_be_read_in_two_ways_are_refused() {
        for (url, error) in [
            ("", BadUrl::NoSlash),
            ("a", BadUrl::NoSlash),
            ("https://host/a", BadUrl::NoSlash),
            ("/..", BadUrl::Segment("..")),
            ("/a/../b", BadUrl::Segment("..")),
            ("/a/./b", BadUrl::Segment(".")),
            ("/a/%2e%2E/b", BadUrl::Segment("..")),
            ("/.%2e", BadUrl::Segment("..")),
            ("/%3C*%3E", BadUrl::Segment("<*>")),
            ("/<$>/a", BadUrl::Segment("<$>")),
            ("/a%2fb", BadUrl::EncodedSlash { at: 2 }),
            ("/a%2Fb", BadUrl::EncodedSlash { at: 2 }),
            ("/%00", BadUrl::ZeroByte),
            ("/\0", BadUrl::ZeroByte),
            ("/%", BadUrl::Escape { at: 1 }),
            ("/a%2", BadUrl::Escape { at: 2 }),
            ("/%g0", BadUrl::Escape { at: 1 }),
            ("/%+1", BadUrl::Escape { at: 1 }),
            ("/%é1", BadUrl::Escape { at: 1 }),
            ("/%ff", BadUrl::NotUtf8),
            ("/%c3", BadUrl::NotUtf8),
            ("/%ed%a0%80", BadUrl::NotUtf8),
        ] {
            assert_eq!(parse(url), Err(error), "{url}");
        }
    }

    #[test]
    fn urls_have_at_most_8_kib() {
        let url = |bytes: usize| format!("/{}", "a".repeat(bytes - 1));
        assert!(parse(&url(MAX_URL_BYTES)).is_ok());
        for bytes in [MAX_URL_BYTES + 1, 65_536] {
            assert_eq!(parse(&url(bytes)), Err(BadUrl::TooLong { bytes }));
            assert_eq!(parse(&format!("/?{}", url(bytes - 2))), Err(BadUrl::TooLong { bytes }));
        }
    }

    #[test]
    fn keys_with_segments_that_a_path_cannot_have_are_not_addressable() {
        let site = Site { path: Some("/docs/".into()), ..Site::new("www/") };
        for (key, path) in [
            ("www/a", Some("/docs/a")),
            ("www/a/b c.html", Some("/docs/a/b c.html")),
            ("www/...", Some("/docs/...")),
            ("www/a/.b", Some("/docs/a/.b")),
            ("www/", None),
            ("www", None),
            ("other/a", None),
            ("www//a", None),
            ("www/a//b", None),
            ("www/a/", None),
            ("www/.", None),
            ("www/../a", None),
            ("www/a/<$>", None),
            ("www/<*>/a", None),
            ("www/\0", None),
        ] {
            assert_eq!(path_of(&site, "/docs/", key).as_deref(), path, "{key}");
            if let Some(path) = path {
                assert_eq!(key_of(&site, "/docs/", path).as_deref(), Some(key));
                assert_eq!(parse(&Escaped(path).to_string()).as_deref(), Ok(path));
            }
        }
        assert!(is_under("/docs/", "/docs/") && is_under("/docs", "/docs/") && is_under("/", "/"));
        assert!(!is_under("/docsa", "/docs/") && !is_under("/", "/docs/"));
    }

    fn reference(labels: Vec<&str>) -> Vec<Vec<u8>> {
        labels.into_iter().map(|label| label.as_bytes().to_vec()).collect()
    }

    proptest! {
        /// What a gateway computes for a URL is what we look up for it.
        #[test]
        fn labels_equal_those_of_the_reference(url in "/[ab/]{0,4}([a.é ?%<$>*]|%[0-9a-fA-F]{2}|/){0,8}") {
            let encoded: String = url.chars().map(|c| match c {
                'é' | ' ' | '<' | '>' => Escaped(&c.to_string()).to_string(),
                c => c.to_string(),
            }).collect();
            if let Ok(path) = UrlPath::parse(&encoded) {
                let decoded = HttpRequest::get(&encoded).build().get_path().unwrap();
                prop_assert_eq!(exact_labels(&path.0), HttpCertificationPath::exact(&decoded).to_expr_path());
                let again = UrlPath::parse(&Escaped(&path.0).to_string()).unwrap();
                prop_assert_eq!(again, path);
            }
        }

        #[test]
        fn absent_labels_hold_those_of_the_reference(site in "/([ab]/){0,3}", rest in "([ab]/){0,3}[ab]?") {
            let path = format!("{site}{rest}");
            let wildcard = wildcard_labels(&site);
            let without_slash = site.strip_suffix('/').unwrap();
            prop_assert_eq!(&wildcard, &HttpCertificationPath::wildcard(without_slash).to_expr_path());
            let absent: Vec<_> = absent_labels(&path, &site).into_iter().map(reference).collect();
            let mut expected = more_specific_wildcards_for(&reference(exact_labels(&path)), &reference(wildcard));
            for labels in &mut expected {
                labels.insert(0, HTTP_EXPR.into());
            }
            expected.push(reference(exact_labels(&path)));
            for labels in &expected {
                prop_assert!(absent.contains(labels), "{:?} is not among {:?}", labels, absent);
            }
            prop_assert!(absent.iter().all(|labels| expected.contains(labels)), "{:?} {:?}", absent, expected);
        }
    }
}
