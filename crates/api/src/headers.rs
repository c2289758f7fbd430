//! HTTP headers of an object that have no field in the contract.
//!
//! Gateways store such a header as a pair of the user metadata, under one of these names. They start with a colon, which no
//! HTTP header name has, so they never collide with metadata that arrives in headers.

/// Name of the pair with the header `Cache-Control`.
pub const CACHE_CONTROL: &str = ":cache-control";

/// Name of the pair with the header `Content-Disposition`.
pub const CONTENT_DISPOSITION: &str = ":content-disposition";

/// Name of the pair with the header `Content-Language`.
pub const CONTENT_LANGUAGE: &str = ":content-language";

/// Name of the pair with the header `Expires`.
pub const EXPIRES: &str = ":expires";

/// Name of the pair with the ETag that a gateway returned when it stored the object, without quotation marks.
pub const ETAG: &str = ":etag";

/// Name of the pair with what a gateway keeps of an object that was uploaded in parts.
pub const PARTS: &str = ":parts";

/// Name of the pair that identifies the upload that the bytes of an object came from: a text that no other bytes are ever stored
/// with, for example a random one. It shows whether an upload was committed whose commit had no reply. Copies keep it, so two objects
/// with one identifier have the same bytes, and may be of two writes.
pub const UPLOAD: &str = ":upload";

/// Returns whether a name of user metadata is reserved for gateways: it starts with a colon.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    name.starts_with(':')
}

/// Returns whether the pair with this name is about the bytes that it was stored with. A caller that stores other bytes must remove it.
#[must_use]
pub fn is_about_bytes(name: &str) -> bool {
    [ETAG, PARTS, UPLOAD].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_describes_an_object_is_not_about_its_bytes() {
        let described = [CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LANGUAGE, EXPIRES, "name", "etag", ""];
        assert!(!described.into_iter().any(is_about_bytes));
        assert!([ETAG, PARTS, UPLOAD].into_iter().all(is_about_bytes));
    }

    #[test]
    fn names_that_start_with_a_colon_are_reserved() {
        let names = [CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LANGUAGE, EXPIRES, ETAG, PARTS, UPLOAD];
        assert!(names.into_iter().all(is_reserved));
        assert!(!is_reserved("cache-control") && !is_reserved(""));
    }
}
