//! Headers with lists: entity tags (RFC 9110, section 13) and codings (section 12.5.3).

/// The value of `If-None-Match` or `If-Match`, of all its fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct EtagList<'a> {
    fields: Vec<&'a str>,
}

impl<'a> EtagList<'a> {
    pub(crate) fn add(&mut self, field: &'a str) {
        self.fields.push(field);
    }

    pub(crate) fn is_absent(&self) -> bool {
        self.fields.is_empty()
    }

    /// Returns whether the value is exactly this entity tag.
    pub(crate) fn is(&self, etag: &str) -> bool {
        self.fields == [etag]
    }

    /// Returns whether an entity tag is in the list, or the list is `*`. Weak entity tags are equal to strong ones.
    pub(crate) fn matches_weakly(&self, etag: &str) -> bool {
        self.any(|_, tag| tag == etag)
    }

    /// Returns whether an entity tag is in the list, or the list is `*`. Weak entity tags are equal to none.
    pub(crate) fn matches_strongly(&self, etag: &str) -> bool {
        self.any(|is_weak, tag| !is_weak && tag == etag)
    }

    fn any(&self, mut is_match: impl FnMut(bool, &str) -> bool) -> bool {
        self.fields
            .iter()
            .any(|field| field.trim_matches([' ', '\t']) == "*" || any_tag(field, &mut is_match))
    }
}

/// Returns whether a function is true for an entity tag of a list. What follows something that is none is ignored.
fn any_tag(list: &str, is_match: &mut impl FnMut(bool, &str) -> bool) -> bool {
    let mut rest = list;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (is_weak, tag) = match rest.strip_prefix("W/") {
            Some(tag) => (true, tag),
            None => (false, rest),
        };
        let end = tag.strip_prefix('"').and_then(|inner| inner.find('"'));
        let Some((tag, after)) = end.map(|end| tag.split_at(end + 2)) else { return false };
        if is_match(is_weak, tag) {
            return true;
        }
        rest = after;
    }
}

/// Codings that a client accepts, by `Accept-Encoding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AcceptedCodings {
    brotli: Option<bool>,
    gzip: Option<bool>,
    others: Option<bool>,
}

impl AcceptedCodings {
    /// Reads a field. The first mention of a coding counts.
    pub(crate) fn add(&mut self, field: &str) {
        for item in field.split(',') {
            let mut parameters = item.split(';').map(|part| part.trim_matches([' ', '\t']));
            let coding = parameters.next().unwrap_or_default();
            let Some(is_accepted) = is_accepted(parameters) else { continue };
            let is = |name: &str| coding.eq_ignore_ascii_case(name);
            let mention = if is("br") {
                &mut self.brotli
            } else if is("gzip") || is("x-gzip") {
                &mut self.gzip
            } else if is("*") {
                &mut self.others
            } else {
                continue;
            };
            mention.get_or_insert(is_accepted);
        }
    }

    pub(crate) fn brotli(self) -> bool {
        self.brotli.or(self.others).unwrap_or(false)
    }

    pub(crate) fn gzip(self) -> bool {
        self.gzip.or(self.others).unwrap_or(false)
    }
}

/// Returns whether the weight is not zero; `None` if it is not valid.
fn is_accepted<'a>(mut parameters: impl Iterator<Item = &'a str>) -> Option<bool> {
    let Some(weight) = parameters.next() else { return Some(true) };
    let value = weight.strip_prefix(['q', 'Q'])?.strip_prefix('=')?;
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let is_fraction = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let is_zero = fraction.bytes().all(|byte| byte == b'0');
    match whole {
        "0" if is_fraction => Some(!is_zero),
        "1" if is_fraction && is_zero => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list<'a>(fields: &[&'a str]) -> EtagList<'a> {
        EtagList { fields: fields.to_vec() }
    }

    #[test]
    fn entity_tags_are_found_in_lists() {
        for fields in [
            &["\"a\""][..],
            &[" \"a\" "],
            &["\"b\", \"a\""],
            &["\"b\",\"a\",\"c\""],
            &[",, \"b\" ,\t\"a\""],
            &["\"b\"", "\"a\""],
            &["\"x,\", \"a\""],
            &["*"],
            &[" * "],
        ] {
            assert!(
                list(fields).matches_weakly("\"a\"") && list(fields).matches_strongly("\"a\""),
                "{fields:?}"
            );
        }
        for fields in [&["W/\"a\""][..], &["\"b\", W/\"a\""]] {
            assert!(
                list(fields).matches_weakly("\"a\"") && !list(fields).matches_strongly("\"a\""),
                "{fields:?}"
            );
        }
        for fields in [
            &[][..],
            &[""],
            &["a"],
            &["\"a"],
            &["a\""],
            &["\"b\""],
            &["\"A\""],
            &["w/\"a\""],
            &["b, \"a\""],
            &["\"*\""],
            &["\"b\" *"],
        ] {
            assert!(!list(fields).matches_weakly("\"a\""), "{fields:?}");
        }
    }

    #[test]
    fn only_the_same_text_is_the_entity_tag() {
        assert!(list(&["\"a\""]).is("\"a\""));
        for fields in [&[][..], &["*"], &["\"a\" "], &["W/\"a\""], &["\"a\"", "\"a\""], &["\"a\",\"b\""]] {
            assert!(!list(fields).is("\"a\""), "{fields:?}");
        }
    }

    #[test]
    fn codings_are_accepted_by_weight() {
        for (fields, brotli, gzip) in [
            (&[][..], false, false),
            (&[""], false, false),
            (&["identity"], false, false),
            (&["gzip, deflate, br"], true, true),
            (&["GZIP;q=0.5"], false, true),
            (&["x-gzip"], false, true),
            (&["br;q=0, gzip;q=0.001"], false, true),
            (&["br;q=0.000, *"], false, true),
            (&["*;q=0"], false, false),
            (&["*;q=0, br"], true, false),
            (&["br", "gzip ; q=1.0"], true, true),
            (&["br;q=0", "br;q=1"], false, false),
            (&["identity;q=0, *;q=0.1"], true, true),
            (&["br;q=2, gzip;q=-1"], false, false),
            (&["br;q=0.1234, gzip;level=9"], false, false),
            (&["br;q=, gzip;q"], false, false),
            (&["br;q=1.5, gzip;q=1.0000"], false, false),
        ] {
            let mut accepted = AcceptedCodings::default();
            fields.iter().for_each(|field| accepted.add(field));
            assert_eq!((accepted.brotli(), accepted.gzip()), (brotli, gzip), "{fields:?}");
        }
    }
}
