//! The canister that a request names.

use axum::extract::Request;
use axum::http::{Uri, header};
use candid::Principal;

/// Paths that belong to the endpoint under every host name, so that a web page can call the canister that it came from.
const API: [&str; 3] = ["/api/v2/", "/api/v3/", "/api/v4/"];

/// Canister whose site a request is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) canister: Principal,
    /// Whether the response is wanted without verification: `<canister>.raw.localhost`.
    pub(crate) is_raw: bool,
}

impl Address {
    /// Returns the canister that is the first label of the host name or the parameter `canisterId`.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let uri = request.uri();
        if API.iter().any(|api| uri.path().starts_with(api)) {
            return None;
        }
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        uri.host().or(host).and_then(Self::in_host).or_else(|| Self::in_query(uri))
    }

    fn in_host(host: &str) -> Option<Self> {
        let (label, rest) = host.split_once('.')?;
        let is_raw = rest.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("raw."));
        Some(Self { canister: principal(label)?, is_raw })
    }

    fn in_query(uri: &Uri) -> Option<Self> {
        let mut parameters = uri.query()?.split('&').filter_map(|parameter| parameter.split_once('='));
        let (_, id) = parameters.find(|(name, _)| *name == "canisterId")?;
        Some(Self { canister: principal(id)?, is_raw: false })
    }
}

/// Reads the text of a principal. It has a checksum, so that no ordinary name of a host is one by chance.
fn principal(text: &str) -> Option<Principal> {
    Principal::from_text(text.to_ascii_lowercase()).ok()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    const ID: &str = "rwlgt-iiaaa-aaaaa-aaaaa-cai";

    fn address(uri: &str, host: &str) -> Option<(String, bool)> {
        let request = Request::builder().uri(uri).header("host", host).body(Body::empty()).unwrap();
        Address::of(&request).map(|address| (address.canister.to_text(), address.is_raw))
    }

    #[test]
    fn a_canister_is_named_by_host_or_parameter() {
        let certified = Some((ID.to_owned(), false));
        for host in [format!("{ID}.localhost:4943"), format!("{ID}.localhost"), format!("{ID}.example.org")] {
            assert_eq!(address("/a", &host), certified, "{host}");
        }
        assert_eq!(address("/a", &format!("{}.LOCALHOST", ID.to_uppercase())), certified);
        assert_eq!(address("/a", &format!("{ID}.raw.localhost:1")), Some((ID.to_owned(), true)));
        assert_eq!(address(&format!("/a?x=1&canisterId={ID}"), "127.0.0.1:4943"), certified);
        assert_eq!(address(&format!("http://{ID}.localhost/a"), "other"), certified);
    }

    #[test]
    fn other_requests_name_no_canister() {
        for host in ["localhost:4943", "127.0.0.1:4943", "[::1]:4943", "rwlgt.localhost", "", ".", ID] {
            assert_eq!(address("/a", host), None, "{host}");
        }
        assert_eq!(address("/a?canisterId=x&canisterId", "localhost"), None);
        assert_eq!(address("/api/v2/status", &format!("{ID}.localhost")), None);
        assert_eq!(address(&format!("/api/v3/canister/x/call?canisterId={ID}"), "localhost"), None);
    }
}
