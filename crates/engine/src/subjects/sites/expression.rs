//! The CEL expressions that state what of a response is certified, by the HTTP gateway protocol (“Response verification”).

use crate::structures::hash_tree::Digest;

/// Name of the header with the expression.
pub(crate) const EXPRESSION_HEADER: &str = "ic-certificateexpression";

/// What of a request and its response is certified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Expression {
    /// The whole response, for every request.
    Response,
    /// The whole response, for requests with one value of `if-none-match`.
    IfNoneMatch,
    /// Nothing.
    Skip,
}

impl Expression {
    /// Returns the value of the header.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Response => {
                "default_certification(ValidationArgs{certification:Certification{no_request_certification:Empty{},\
                 response_certification:ResponseCertification{response_header_exclusions:ResponseHeaderList{\
                 headers:[]}}}})"
            }
            Self::IfNoneMatch => {
                "default_certification(ValidationArgs{certification:Certification{request_certification:\
                 RequestCertification{certified_request_headers:[\"if-none-match\"],certified_query_parameters:[]},\
                 response_certification:ResponseCertification{response_header_exclusions:ResponseHeaderList{\
                 headers:[]}}}})"
            }
            Self::Skip => "default_certification(ValidationArgs{no_certification:Empty{}})",
        }
    }

    /// Returns the SHA-256 of the text: the label in the tree. A test compares the constants.
    pub(crate) const fn digest(self) -> &'static Digest {
        match self {
            Self::Response => &RESPONSE,
            Self::IfNoneMatch => &IF_NONE_MATCH,
            Self::Skip => &SKIP,
        }
    }
}

const RESPONSE: Digest = [
    0xf0, 0x46, 0x5e, 0x9b, 0x39, 0x69, 0xf9, 0xc7, 0x0f, 0xaf, 0xe5, 0xd8, 0x51, 0xbd, 0x78, 0xd2, 0xea,
    0x53, 0x04, 0x2d, 0xa4, 0xaf, 0xe1, 0xf2, 0xa2, 0x35, 0xff, 0x37, 0xb0, 0x48, 0xf8, 0x82,
];

const IF_NONE_MATCH: Digest = [
    0xbc, 0xd6, 0xed, 0x12, 0xc3, 0xfe, 0x40, 0xa6, 0xde, 0xbc, 0xc5, 0x8c, 0x31, 0xfc, 0x10, 0x2b, 0x63,
    0x69, 0x51, 0xc2, 0xa3, 0x4a, 0x3a, 0x7d, 0x67, 0x69, 0xd6, 0x36, 0x7d, 0xcf, 0x58, 0xc0,
];

const SKIP: Digest = [
    0xc3, 0x1a, 0xba, 0xdb, 0xd0, 0xb0, 0x59, 0xf9, 0xd4, 0x64, 0xfd, 0x6d, 0xf4, 0xda, 0x9e, 0x2d, 0xc0,
    0x87, 0xae, 0x7d, 0x0b, 0x40, 0x46, 0x8d, 0x33, 0x72, 0x26, 0xd4, 0x13, 0xb3, 0x37, 0x23,
];

#[cfg(test)]
mod tests {
    use ic_http_certification::{DefaultCelBuilder, DefaultResponseCertification};
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn expressions_equal_those_of_the_reference() {
        let whole = || DefaultResponseCertification::response_header_exclusions(vec![]);
        let response =
            DefaultCelBuilder::response_only_certification().with_response_certification(whole()).build();
        let full = DefaultCelBuilder::full_certification()
            .with_request_headers(vec!["if-none-match"])
            .with_response_certification(whole())
            .build();
        assert_eq!(Expression::Response.text(), response.to_string());
        assert_eq!(Expression::IfNoneMatch.text(), full.to_string());
        assert_eq!(Expression::Skip.text(), DefaultCelBuilder::skip_certification().to_string());
        for expression in [Expression::Response, Expression::IfNoneMatch, Expression::Skip] {
            assert_eq!(*expression.digest(), <Digest>::from(Sha256::digest(expression.text())));
        }
    }
}
