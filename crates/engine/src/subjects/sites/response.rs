//! The heads of responses: status and headers.

use stable_storage_api::check::{is_field_value, is_token};

use super::expression::{EXPRESSION_HEADER, Expression};
use super::facts::{DISPOSITION, Etag, Facts};

/// The fields that many responses of a site have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form<T> {
    pub(super) status: u16,
    pub(super) expression: Option<Expression>,
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

    pub(super) fn to_owned(self) -> Form<String> {
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
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
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
    pub(super) fn as_strs(&self) -> Form<&str> {
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
    pub(super) form: Form<&'a str>,
    pub(super) content_range: Option<String>,
    pub(super) location: Option<String>,
    pub(super) etag: Option<&'a Etag>,
    /// A further header, which no certified response has.
    pub(super) other: Option<(&'static str, String)>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_lists_and_dispositions_begin_with_a_kind() {
        assert!(is_list("gzip, br") && !is_list("gzip,,br") && !is_list("a b"));
        assert!(is_disposition("attachment; filename=\"a b\"") && !is_disposition("; a"));
    }
}
