//! The host of a request: that of the gateway, or that of one of its buckets.
//!
//! The AWS SDKs put the bucket in the host name (`photos.localhost`), unless they are configured to put it in the path. A gateway that
//! took no notice would read the first segment of the key as the bucket, and write there.

use std::net::{IpAddr, SocketAddr};

use axum::http::{Version, header, request::Parts};
use s3s::{
    S3Result,
    host::{S3Host, VirtualHost},
    s3_error,
};

/// The domain of this machine (RFC 6761), which every gateway has.
const LOCALHOST: &str = "localhost";

/// The domains of a gateway. A bucket is in the path (`/photos/a.jpg` at the domain itself), or in the host name
/// (`/a.jpg` at `photos.` and the domain).
///
/// Every gateway has `localhost`, and answers to addresses and to names without a dot, where buckets are in the path. Other
/// hosts are refused: they may have the name of a bucket in them.
#[derive(Clone, Debug, Default)]
pub struct Domains(Vec<String>);

/// A name is not that of a domain.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is not the name of a domain: labels of letters, digits and hyphens, with dots between them, and no port"
)]
pub struct DomainError(String);

impl Domains {
    /// Returns `localhost` and these domains, such as `s3.example.com`.
    ///
    /// # Errors
    /// A name that is not that of a domain.
    pub fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Result<Self, DomainError> {
        let domain = |name: S| {
            let name = name.as_ref().to_ascii_lowercase();
            let is_label = |label: &str| {
                !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            };
            match name.split('.').all(is_label) && name.parse::<IpAddr>().is_err() {
                true => Ok(name),
                false => Err(DomainError(name)),
            }
        };
        names.into_iter().map(domain).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the bucket in the host of a request, if there is one.
    ///
    /// # Errors
    /// `InvalidRequest` for a host that is not one of the gateway.
    pub(crate) fn bucket(&self, parts: &Parts) -> S3Result<Option<String>> {
        let authority = || parts.uri.authority().filter(|_| parts.version >= Version::HTTP_2);
        match (parts.headers.get(header::HOST), authority()) {
            (Some(host), _) => self.bucket_in(host.to_str().unwrap_or_default()),
            (None, Some(authority)) => self.bucket_in(authority.as_str()),
            (None, None) => Ok(None),
        }
    }

    fn bucket_in(&self, host: &str) -> S3Result<Option<String>> {
        // What s3s takes for an address.
        if host.parse::<SocketAddr>().is_ok() || host.parse::<IpAddr>().is_ok() {
            return Ok(None);
        }
        let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let name = name.map_or(host, |(name, _)| name).to_ascii_lowercase();
        // A dot at the end is that of the root.
        let name = name.strip_suffix('.').unwrap_or(&name);
        let name_of_bucket = |domain: &str| name.strip_suffix(domain)?.strip_suffix('.').map(str::to_owned);
        let domains = || self.0.iter().map(String::as_str).chain([LOCALHOST]);
        if !name.contains('.') || name.starts_with('[') || domains().any(|domain| name == domain) {
            return Ok(None);
        }
        // Of domains of which one is below another, the longer one.
        match domains().filter_map(name_of_bucket).min_by_key(String::len) {
            Some(bucket) => Ok(Some(bucket)),
            None => Err(s3_error!(
                InvalidRequest,
                "the host {name:?} is not a domain of this gateway: start it with --s3-domain {name}, or with the domain \
                 below which the names of buckets are"
            )),
        }
    }
}

impl S3Host for Domains {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let place = VirtualHost::new(host);
        Ok(match self.bucket_in(host)? {
            Some(bucket) => place.with_bucket(bucket),
            None => place,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_below_a_domain() {
        let domains = Domains::new(["s3.example.com", "eu.s3.example.com"]).unwrap();
        for (host, bucket) in [
            ("127.0.0.1:9000", None),
            ("[::1]:9000", None),
            ("::1", None),
            ("localhost", None),
            ("LocalHost.:9000", None),
            ("storage:9000", None),
            ("s3.example.com", None),
            ("photos.localhost:9000", Some("photos")),
            ("Photos.S3.Example.com.", Some("photos")),
            ("my.photos.s3.example.com:80", Some("my.photos")),
            ("eu.s3.example.com", None),
            ("photos.eu.s3.example.com", Some("photos")),
        ] {
            assert_eq!(domains.bucket_in(host).unwrap().as_deref(), bucket, "{host}");
        }
        for host in
            ["example.com", "photos.example.com", "s3.example.com.evil.org", "xs3.example.com", "a.b:x"]
        {
            let refused = domains.bucket_in(host).unwrap_err();
            assert_eq!(refused.code(), &s3s::S3ErrorCode::InvalidRequest, "{host}");
        }
    }

    #[test]
    fn a_domain_has_a_name() {
        for name in ["", ".", "a..b", ".a", "a.b:9000", "10.0.0.1", "a b", "https://a.b"] {
            assert!(Domains::new([name]).unwrap_err().to_string().contains(&format!("{name:?}")));
        }
    }
}
