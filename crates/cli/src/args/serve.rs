//! What can be said about serving a store.

use std::net::SocketAddr;

use candid::Principal;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The address and port to listen on. Port 0 takes a free one. On an address that is not of this machine alone, others
    /// can connect.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4943")]
    pub(crate) listen: SocketAddr,

    /// Make a principal a controller of the canister, who may do everything and upgrade it. Can be given more than once.
    #[arg(long, value_name = "PRINCIPAL")]
    pub(crate) controller: Vec<Principal>,
}
