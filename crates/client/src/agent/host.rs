//! Hosts whose own root key is used.

use url::{Host, Url};

use super::ConnectError;

/// Domains of the mainnet. Its root key is known, and a host that sends a different one is not the mainnet.
const MAINNET: [&str; 4] = ["ic0.app", "icp0.io", "icp-api.io", "internetcomputer.org"];

/// Parses the URL of a replica.
pub(super) fn parse(text: &str) -> Result<Url, ConnectError> {
    let invalid = |reason: String| ConnectError::InvalidUrl { url: text.to_owned(), reason };
    let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid(format!("its scheme is {}", url.scheme())));
    }
    Ok(url)
}

/// Returns whether the root key is fetched from the replica: on this machine always, elsewhere if requested, and from the
/// mainnet never.
pub(super) fn fetches_root_key(url: &Url, asked_for: bool) -> Result<bool, ConnectError> {
    if asked_for && is_mainnet(url) {
        return Err(ConnectError::RootKeyOfMainnet { url: url.to_string() });
    }
    Ok(asked_for || is_local(url))
}

/// Returns whether the URL is on this machine.
pub(super) fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_within(name, "localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Returns the URL of a path of a canister's site at the HTTP gateways of a network: those of the mainnet; on this machine, a
/// name that browsers resolve to it; elsewhere, the canister is a parameter.
pub(super) fn site_url(url: &Url, canister: &str, path: &str) -> String {
    if is_mainnet(url) {
        return format!("https://{canister}.icp0.io{path}");
    }
    let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    match is_local(url) {
        true => format!("{scheme}://{canister}.localhost{port}{path}"),
        false => format!("{scheme}://{host}{port}{path}?canisterId={canister}"),
    }
}

fn is_mainnet(url: &Url) -> bool {
    url.domain().is_some_and(|name| MAINNET.iter().any(|domain| is_within(name, domain)))
}

/// Returns whether a name is a domain or a subdomain of it. A trailing dot is ignored.
fn is_within(name: &str, domain: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetches(url: &str, asked_for: bool) -> Option<bool> {
        fetches_root_key(&parse(url).expect("the URL is one"), asked_for).ok()
    }

    #[test]
    fn this_machine_is_asked_for_its_root_key() {
        let hosts =
            ["127.0.0.1:4943", "127.0.0.2", "localhost:8000", "LOCALHOST", "[::1]:80", "abc.localhost:4943"];
        for host in hosts {
            assert_eq!(fetches(&format!("http://{host}"), false), Some(true), "{host}");
        }
    }

    #[test]
    fn other_hosts_are_asked_only_where_somebody_says_so() {
        let hosts = [
            "example.org",
            "10.0.0.1",
            "[2001:db8::1]",
            "localhost.example.org",
            "notlocalhost",
            "127.0.0.1.nip.io",
        ];
        for host in hosts {
            assert_eq!(fetches(&format!("https://{host}"), false), Some(false), "{host}");
            assert_eq!(fetches(&format!("https://{host}"), true), Some(true), "{host}");
        }
    }

    #[test]
    fn the_mainnet_is_never_asked() {
        for host in
            ["ic0.app", "icp0.io", "icp-api.io", "abc.raw.icp0.io", "internetcomputer.org", "ICP0.io."]
        {
            assert_eq!(fetches(&format!("https://{host}"), false), Some(false), "{host}");
            assert_eq!(fetches(&format!("https://{host}"), true), None, "{host}");
        }
        assert_eq!(fetches("https://noticp0.io", true), Some(true));
    }

    #[test]
    fn a_site_is_at_the_gateway_of_its_network() {
        for (url, expected) in [
            ("https://icp-api.io", "https://aaaaa-aa.icp0.io/a/"),
            ("https://icp0.io", "https://aaaaa-aa.icp0.io/a/"),
            ("http://127.0.0.1:4943/", "http://aaaaa-aa.localhost:4943/a/"),
            ("http://[::1]:8000", "http://aaaaa-aa.localhost:8000/a/"),
            ("http://localhost", "http://aaaaa-aa.localhost/a/"),
            ("https://test.example:8443", "https://test.example:8443/a/?canisterId=aaaaa-aa"),
        ] {
            assert_eq!(site_url(&parse(url).unwrap(), "aaaaa-aa", "/a/"), expected);
        }
    }

    #[test]
    fn what_is_no_url_of_a_replica_is_refused() {
        for text in ["", "ic", "127.0.0.1:4943", "ftp://127.0.0.1", "http://"] {
            assert!(
                matches!(parse(text), Err(ConnectError::InvalidUrl { url, .. }) if url == text),
                "{text}"
            );
        }
    }
}
