//! What an admin can say about roles and settings.

use std::time::Duration;

use candid::Principal;
use clap::{Args, Subcommand, ValueEnum};

use crate::size::{parse_duration, parse_size};

/// What to do with roles.
#[derive(Debug, Subcommand)]
pub(crate) enum RolesCommand {
    /// List who has been given which role. Controllers of the canister are admins without being listed.
    Ls,
    /// Give a principal a role in place of the one that it has.
    Set {
        /// Who.
        who: Principal,
        /// Each role includes those before it.
        role: RoleName,
    },
    /// Take the role of a principal away.
    Rm {
        /// Who.
        who: Principal,
    },
}

/// What a caller is allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleName {
    /// May read.
    Reader,
    /// May also change data.
    Writer,
    /// May also change roles and settings.
    Admin,
}

/// What to do with settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show what is configured.
    Show,
    /// Change what is given, and keep the rest.
    #[command(after_help = "\
Examples:
  storage config set --public-read true
  storage config set --capacity 10GiB --upload-idle 1d")]
    Set(ConfigArgs),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct ConfigArgs {
    /// The most stable memory that the canister may grow to.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) capacity: Option<u64>,
    /// Whether everyone may read.
    #[arg(long, value_name = "true|false")]
    pub(crate) public_read: Option<bool>,
    /// How many uploads can be open at once.
    #[arg(long, value_name = "N")]
    pub(crate) max_uploads: Option<u64>,
    /// How long an upload stays open without a chunk.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) upload_idle: Option<Duration>,
}
