//! Options of every command.

use std::{num::NonZeroUsize, time::Duration};

use crate::size::parse_duration;

/// Options of every command.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct GlobalOptions {
    /// Print data as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Print only data and errors, without progress.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Print sizes in bytes, without units.
    #[arg(long, global = true)]
    pub(crate) bytes: bool,

    /// Print bytes unchanged on a terminal, without escaping characters that it cannot show.
    #[arg(long, global = true)]
    pub(crate) raw: bool,

    /// Number of concurrent calls in a transfer.
    #[arg(short, long, global = true, value_name = "N", default_value = "8", value_parser = jobs)]
    pub(crate) jobs: NonZeroUsize,

    /// Time to wait while another command has the store open.
    #[arg(long, global = true, value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    pub(crate) wait: Duration,
}

fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a number from 1".to_owned())
}
