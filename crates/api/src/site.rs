//! Web sites: prefixes whose objects are public over HTTP.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use storage_wire::Wire;

/// Name of the pair of user metadata that ties a compressed variant of a document to it: the SHA-256 of the document, in
/// hexadecimal. A site ignores the variant when the document has another digest.
pub const SOURCE_DIGEST: &str = "source-sha256";

/// Web site: the objects under a prefix, public over HTTP.
#[derive(CandidType, Wire, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Prefix of the keys. It ends with a slash, and overlaps the prefix of no other site.
    pub prefix: String,
    /// Path of the URLs. It begins and ends with a slash; `None` means a slash and the prefix. A single slash is the root.
    pub path: Option<String>,
    /// Whether the responses are certified, so that a gateway verifies them.
    pub certified: bool,
    /// Name of the document that is the response for a folder, for example `index.html`.
    pub index: Option<String>,
    /// Key of the document, without the prefix, that is the response with status 404 for a path without an object.
    pub not_found: Option<String>,
    /// Key of the document, without the prefix, that is the response with status 200 for a path without an object. Excludes
    /// `not_found`.
    pub single_page: Option<String>,
    /// Names and values of further headers of every response.
    pub headers: Vec<(String, String)>,
    /// Value of `access-control-allow-origin`.
    pub cors: Option<String>,
    /// Value of `cache-control`.
    pub cache_control: Option<String>,
}

impl Site {
    /// Creates a certified site under a prefix, with `index.html` as the index document.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), certified: true, index: Some("index.html".into()), ..Self::default() }
    }

    /// Returns the path of the URLs of the site.
    #[must_use]
    pub fn url_path(&self) -> String {
        self.path.clone().unwrap_or_else(|| format!("/{}", self.prefix))
    }
}

/// Web site with the progress of its certification.
#[derive(CandidType, Wire, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct SiteStatus {
    /// The site.
    pub site: Site,
    /// Number of objects that are known to wait for `certify`.
    pub pending: u64,
    /// Whether the responses of all objects are certified. Until then `certify` must be called.
    pub complete: bool,
}
