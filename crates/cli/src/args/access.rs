//! Arguments of the commands for roles and settings.

use std::time::Duration;

use candid::Principal;
use clap::{Args, Subcommand, ValueEnum};

use crate::size::{parse_duration, parse_size};

/// Commands for roles.
#[derive(Debug, Subcommand)]
pub(crate) enum RolesCommand {
    /// List the principals with a role. Controllers of the canister are admins and are not listed.
    Ls,
    /// Set the role of a principal.
    Set {
        /// The principal.
        who: Principal,
        /// The role; each role includes the ones before it.
        role: RoleName,
    },
    /// Remove the role of a principal.
    Rm {
        /// The principal.
        who: Principal,
    },
}

/// Role of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleName {
    /// Can read.
    Reader,
    /// Can also change data.
    Writer,
    /// Can also change roles and settings.
    Admin,
}

/// Commands for settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show the settings.
    Show,
    /// Change the given settings and keep the others.
    #[command(after_help = "\
Examples:
  storage config set --public-read true
  storage config set --capacity 10GiB --upload-idle 1d")]
    Set(ConfigArgs),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct ConfigArgs {
    /// Limit on stable memory.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) capacity: Option<u64>,
    /// Whether everyone can read.
    #[arg(long, value_name = "true|false")]
    pub(crate) public_read: Option<bool>,
    /// Limit on open uploads.
    #[arg(long, value_name = "N")]
    pub(crate) max_uploads: Option<u64>,
    /// Time after which an upload without a new chunk expires.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) upload_idle: Option<Duration>,
}
