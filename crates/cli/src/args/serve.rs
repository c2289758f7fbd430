//! Arguments of `storage serve`.

use std::{net::SocketAddr, path::PathBuf};

use candid::Principal;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address and port to listen on. Port 0 selects a free one. If the address is not a loopback address, other machines can
    /// connect.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4943")]
    pub(crate) listen: SocketAddr,

    /// Make a principal a controller of the canister, which may call every method and upgrade it. Can be given several times.
    #[arg(long, value_name = "PRINCIPAL")]
    pub(crate) controller: Vec<Principal>,

    /// Also serve the store to S3 clients at this address and port. A bucket is the first segment of a key. See docs/S3.md.
    #[arg(long, value_name = "ADDRESS:PORT", requires = "s3_credentials")]
    pub(crate) s3: Option<SocketAddr>,

    /// The access keys of S3 clients, in TOML, for each of them access_key, secret_key, and role, which is reader or writer.
    /// docs/S3.md has an example.
    #[arg(long, value_name = "FILE", requires = "s3")]
    pub(crate) s3_credentials: Option<PathBuf>,

    /// A domain of the S3 gateway, such as s3.example.com, also with the name of a bucket before it. Can be given several times.
    /// Without it, S3 clients reach the gateway by an address, as localhost, and by names without a dot.
    #[arg(long, value_name = "NAME", requires = "s3")]
    pub(crate) s3_domain: Vec<String>,
}
