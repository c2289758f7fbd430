//! Checks of web sites.

use crate::limits::{
    MAX_KEY_BYTES, MAX_SITE_HEADER_BYTES, MAX_SITE_HEADERS, MAX_SITE_PATH_BYTES, MAX_SITE_VALUE_BYTES,
};
use crate::{Error, Result, Site};

/// Headers that a site cannot have: those of one connection, and those that depend on the object or have a separate field.
const REFUSED_HEADERS: [&str; 23] = [
    "accept-ranges",
    "access-control-allow-origin",
    "age",
    "cache-control",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "etag",
    "keep-alive",
    "last-modified",
    "location",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "x-content-type-options",
];

impl Site {
    /// Checks everything that needs no other site.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] with the value and what is allowed, and [`Error::LimitExceeded`] for too many headers.
    pub fn check(&self) -> Result<()> {
        self.check_prefix()?;
        self.path.as_deref().map_or(Ok(()), check_path)?;
        self.index.as_deref().map_or(Ok(()), |name| self.check_index(name))?;
        self.check_document(self.not_found.as_deref(), "not-found document")?;
        self.check_document(self.single_page.as_deref(), "single-page document")?;
        if let (Some(not_found), Some(single_page)) = (&self.not_found, &self.single_page) {
            return Err(Error::invalid(format!(
                "the site has the not-found document {not_found:?} and the single-page document {single_page:?}; only one of \
                 them is possible"
            )));
        }
        self.check_headers()?;
        self.cors.as_deref().map_or(Ok(()), check_origin)?;
        self.cache_control.as_deref().map_or(Ok(()), check_cache_control)
    }

    fn check_prefix(&self) -> Result<()> {
        let prefix = &*self.prefix;
        let is_complete = prefix.len() >= 2 && prefix.ends_with('/') && (prefix.len() as u64) < MAX_KEY_BYTES;
        if !is_complete {
            return Err(Error::invalid(format!(
                "the prefix {} of the site has {} bytes; it has 2 to {} bytes and ends with a slash",
                shown(prefix),
                prefix.len(),
                MAX_KEY_BYTES - 1
            )));
        }
        check_segments(&prefix[..prefix.len() - 1], || format!("the prefix {} of the site", shown(prefix)))
    }

    fn check_index(&self, name: &str) -> Result<()> {
        let what = || format!("the index document {} of the site", shown(name));
        if name.contains('/') {
            return Err(Error::invalid(format!(
                "{} has a slash; it is the name of a document in each folder",
                what()
            )));
        }
        check_segments(name, what)?;
        self.check_length(name, "index document")
    }

    fn check_document(&self, name: Option<&str>, what: &str) -> Result<()> {
        let Some(name) = name else { return Ok(()) };
        check_segments(name, || format!("the {what} {} of the site", shown(name)))?;
        self.check_length(name, what)
    }

    fn check_length(&self, name: &str, what: &str) -> Result<()> {
        match (self.prefix.len() + name.len()) as u64 {
            bytes if bytes > MAX_KEY_BYTES => Err(Error::invalid(format!(
                "the key of the {what} of the site has {bytes} bytes; a key has 1 to {MAX_KEY_BYTES} bytes"
            ))),
            _ => Ok(()),
        }
    }

    fn check_headers(&self) -> Result<()> {
        if self.headers.len() as u64 > MAX_SITE_HEADERS {
            return Err(Error::LimitExceeded { what: "headers of a site".into(), limit: MAX_SITE_HEADERS });
        }
        let bytes: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes as u64 > MAX_SITE_HEADER_BYTES {
            return Err(Error::invalid(format!(
                "the headers of the site have {bytes} bytes; at most {MAX_SITE_HEADER_BYTES} are allowed"
            )));
        }
        self.headers.iter().try_for_each(|(name, value)| check_header(name, value))
    }
}

/// Checks that a text has no empty segment, none that a client resolves, none that is a label of the certified tree, and no zero
/// byte.
fn check_segments(text: &str, what: impl Fn() -> String) -> Result<()> {
    for segment in text.split('/') {
        match segment {
            "" => return Err(Error::invalid(format!("{} has an empty segment", what()))),
            "." | ".." | "<$>" | "<*>" => {
                return Err(Error::invalid(format!(
                    "{} has the segment {segment:?}; \".\", \"..\", \"<$>\" and \"<*>\" are not allowed",
                    what()
                )));
            }
            _ => {}
        }
    }
    match text.contains('\0') {
        true => Err(Error::invalid(format!("{} has a zero byte", what()))),
        false => Ok(()),
    }
}

/// Checks that a URL path needs no escapes, so that it reads the same everywhere.
fn check_path(path: &str) -> Result<()> {
    let what = || format!("the path {} of the site", shown(path));
    if path.len() as u64 > MAX_SITE_PATH_BYTES {
        return Err(Error::invalid(format!(
            "the path of the site has {} bytes; at most {MAX_SITE_PATH_BYTES} are allowed",
            path.len()
        )));
    }
    if !path.starts_with('/') || !path.ends_with('/') {
        return Err(Error::invalid(format!("{} does not begin and end with a slash", what())));
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-._~!$&'()*+,;=:@".contains(c);
    if let Some(other) = path.chars().find(|c| !is_plain(*c)) {
        return Err(Error::invalid(format!(
            "{} has the character {other:?}; letters, digits and -._~!$&'()*+,;=:@ are allowed",
            what()
        )));
    }
    match path {
        "/" => Ok(()),
        path => check_segments(&path[1..path.len() - 1], what),
    }
}

fn check_header(name: &str, value: &str) -> Result<()> {
    if !is_token(name) {
        return Err(Error::invalid(format!(
            "the header name {} is not valid; it has letters, digits and !#$%&'*+-.^_`|~",
            shown(name)
        )));
    }
    let lower = name.to_ascii_lowercase();
    if REFUSED_HEADERS.contains(&&*lower) || lower.starts_with("ic-certificate") {
        return Err(Error::invalid(format!(
            "a site cannot have the header {}: it is set for each response or belongs to one connection",
            shown(name)
        )));
    }
    match is_field_value(value) {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "the header {} has the value {}; a value has visible ASCII characters, with spaces and tabs only between them",
            shown(name),
            shown(value)
        ))),
    }
}

/// Checks that a value of `access-control-allow-origin` is `*`, `null` or an origin.
fn check_origin(origin: &str) -> Result<()> {
    let is_host = |host: &str| {
        !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(c))
    };
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    let is_origin = origin.split_once("://").is_some_and(|(scheme, host)| is_scheme(scheme) && is_host(host));
    let is_good = matches!(origin, "*" | "null") || is_origin;
    match is_good && origin.len() as u64 <= MAX_SITE_VALUE_BYTES {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "cors is {} of {} bytes; it is \"*\", \"null\" or one origin such as \"https://example.com\", at most \
             {MAX_SITE_VALUE_BYTES} bytes",
            shown(origin),
            origin.len()
        ))),
    }
}

/// Checks that a value of `cache-control` is a list of directives.
fn check_cache_control(value: &str) -> Result<()> {
    let is_quoted = |text: &str| {
        let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        inner.is_some_and(|inner| {
            inner.bytes().all(|byte| matches!(byte, b' '..=b'~') && !br#""\,"#.contains(&byte))
        })
    };
    let is_directive = |directive: &str| match directive.trim_matches([' ', '\t']).split_once('=') {
        Some((name, argument)) => is_token(name) && (is_token(argument) || is_quoted(argument)),
        None => is_token(directive.trim_matches([' ', '\t'])),
    };
    let is_good = is_field_value(value) && value.split(',').all(is_directive);
    match is_good && value.len() as u64 <= MAX_SITE_VALUE_BYTES {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "cache_control is {} of {} bytes; it is a list of directives such as \"public, max-age=3600\", at most \
             {MAX_SITE_VALUE_BYTES} bytes",
            shown(value),
            value.len()
        ))),
    }
}

/// Returns whether a text is a token (RFC 9110, 5.6.2).
#[must_use]
pub fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Returns whether a text can be the value of a header: visible ASCII characters, with spaces and tabs only between them (RFC 9110,
/// 5.5).
#[must_use]
pub fn is_field_value(text: &str) -> bool {
    let is_trimmed = !text.starts_with([' ', '\t']) && !text.ends_with([' ', '\t']);
    is_trimmed && text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
}

/// Shows the start of a text in an error, with escapes.
fn shown(text: &str) -> String {
    const MOST: usize = 64;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut Site)) -> Result<()> {
        let mut site = Site::new("www/");
        change(&mut site);
        site.check()
    }

    /// The error of a bad site must show what was wrong.
    fn assert_names(result: Result<()>, part: &str) {
        match result {
            Err(Error::InvalidArgument { what }) => {
                assert!(what.contains(part), "{what:?} does not show {part:?}")
            }
            other => panic!("{part}: {other:?}"),
        }
    }

    #[test]
    fn a_prefix_has_2_to_1023_bytes_and_whole_segments() {
        for valid in ["a/", "a b/é/", "...//"] {
            let result = with(|site| site.prefix = valid.into());
            assert_eq!(result.is_ok(), valid != "...//", "{valid}");
        }
        for bad in
            ["", "/", "a", "ab", "//", "/a/", "a//b/", "a/./", "../a/", "a/../b/", "<$>/", "a/<*>/", "a\0/"]
        {
            assert_names(with(|site| site.prefix = bad.into()), "prefix");
        }
        for (bytes, is_good) in [(1_022, true), (1_023, true), (1_024, false)] {
            let prefix = format!("{}/", "a".repeat(bytes - 1));
            let result = Site { index: None, ..Site::new(prefix) }.check();
            assert_eq!(result.is_ok(), is_good, "{bytes} bytes");
        }
    }

    #[test]
    fn a_path_needs_no_escapes() {
        for valid in ["/", "/a/", "/a-._~!$&'()*+,;=:@/b/"] {
            assert_eq!(with(|site| site.path = Some(valid.into())), Ok(()), "{valid}");
        }
        for bad in [
            "", "a", "/a", "a/", "//", "/a//", "/a b/", "/a%20/", "/é/", "/a?/", "/#/", "/../", "/./",
            "/a\n/", "/<*>/",
        ] {
            assert_names(with(|site| site.path = Some(bad.into())), "path");
        }
        for (bytes, is_good) in [(1_024, true), (1_025, false)] {
            let path = format!("/{}/", "a".repeat(bytes - 2));
            assert_eq!(with(|site| site.path = Some(path)).is_ok(), is_good, "{bytes} bytes");
        }
    }

    #[test]
    fn documents_are_relative_and_exclude_each_other() {
        for bad in ["", "a/b", "/a", "..", ".", "<*>"] {
            assert_names(with(|site| site.index = Some(bad.into())), "index");
        }
        for bad in ["", "/a", "a/", "a//b", "../a"] {
            assert_names(with(|site| site.not_found = Some(bad.into())), "not-found");
            assert_names(with(|site| site.single_page = Some(bad.into())), "single-page");
        }
        assert_eq!(with(|site| site.not_found = Some("errors/404.html".into())), Ok(()));
        assert_names(with(|site| site.index = Some("a".repeat(1_021))), "1025 bytes");
        assert_eq!(with(|site| site.index = Some("a".repeat(1_020))), Ok(()));
        let both = with(|site| {
            site.not_found = Some("404.html".into());
            site.single_page = Some("index.html".into());
        });
        assert_names(both, "404.html");
    }

    #[test]
    fn headers_cannot_break_the_response() {
        let header = |name: &str, value: &str| with(|site| site.headers = vec![(name.into(), value.into())]);
        for (name, value) in [
            ("Content-Security-Policy", "default-src 'self'; img-src *"),
            ("x-a", ""),
            ("set-cookie", "a=b"),
            ("link", "</a>; rel=preload,\t</b>"),
        ] {
            assert_eq!(header(name, value), Ok(()), "{name}");
        }
        for name in [
            "",
            " ",
            "a b",
            "a:",
            ":status",
            "a\r\nb",
            "é",
            "IC-Certificate",
            "ic-certificateexpression",
            "Connection",
            "Transfer-Encoding",
            "TE",
            "Upgrade",
            "keep-alive",
            "Content-Length",
            "content-type",
            "ETag",
            "Vary",
            "location",
            "Cache-Control",
            "Access-Control-Allow-Origin",
            "x-content-type-options",
        ] {
            assert_names(header(name, "v"), &format!("{name:?}"));
        }
        for value in ["a\r\nset-cookie: b", "a\n", "\r", "\0", " a", "a ", "\ta", "é", "\x7f"] {
            assert_names(header("x-a", value), "x-a");
        }
    }

    #[test]
    fn headers_are_bounded() {
        let headers = |count: usize, bytes: usize| {
            with(|site| site.headers = (0..count).map(|_| ("x".into(), "v".repeat(bytes))).collect())
        };
        assert_eq!((headers(32, 1), headers(32, 127)), (Ok(()), Ok(())));
        let too_many = Error::LimitExceeded { what: "headers of a site".into(), limit: 32 };
        assert_eq!((headers(33, 0), headers(1_000, 1)), (Err(too_many.clone()), Err(too_many)));
        assert_names(headers(1, 4_096), "4097 bytes");
    }

    #[test]
    fn cors_is_one_origin_and_cache_control_a_list() {
        for (cors, is_good) in [
            ("*", true),
            ("null", true),
            ("https://example.com", true),
            ("http://[::1]:8080", true),
            ("", false),
            ("example.com", false),
            ("https://", false),
            ("https://a.com/", false),
            ("https://a.com, https://b.com", false),
            ("https://a.com\r\nx: y", false),
        ] {
            assert_eq!(with(|site| site.cors = Some(cors.into())).is_ok(), is_good, "{cors}");
        }
        for (cache, is_good) in [
            ("no-store", true),
            ("public, max-age=3600,immutable", true),
            ("private=\"set-cookie\", no-cache", true),
            ("", false),
            (",", false),
            ("public,, private", false),
            ("max-age=", false),
            ("=1", false),
            ("a b", false),
            ("public\n", false),
        ] {
            assert_eq!(with(|site| site.cache_control = Some(cache.into())).is_ok(), is_good, "{cache}");
        }
        for (bytes, is_good) in [(255, true), (256, false)] {
            assert_eq!(with(|site| site.cache_control = Some("a".repeat(bytes))).is_ok(), is_good);
            assert_eq!(
                with(|site| site.cors = Some(format!("a://{}", "b".repeat(bytes - 4)))).is_ok(),
                is_good
            );
        }
    }

    #[test]
    fn errors_show_only_the_start_of_a_long_text() {
        let Err(Error::InvalidArgument { what }) = with(|site| site.prefix = "é".repeat(10_000)) else {
            panic!()
        };
        assert!(what.len() < 300, "{what}");
    }
}
