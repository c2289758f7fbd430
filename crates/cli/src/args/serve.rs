//! Arguments of `storage serve`.

use std::net::SocketAddr;

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
}
