//! `/api/v2/status`: the version, the health and the root key of this server.

use axum::response::Response;
use serde::Serialize;
use serde_bytes::Bytes;

use crate::cbor;
use crate::shared::Shared;

#[derive(Serialize)]
struct Status<'a> {
    impl_version: &'static str,
    replica_health_status: &'static str,
    root_key: &'a Bytes,
}

pub(crate) fn status(shared: &Shared) -> Response {
    cbor::response(&Status {
        impl_version: concat!("embedded-ic ", env!("CARGO_PKG_VERSION")),
        replica_health_status: "healthy",
        root_key: Bytes::new(shared.signer.root_key()),
    })
}
