//! Arguments of the commands for the log.

use clap::Subcommand;

/// Commands for the log.
#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Append entries.
    Append {
        /// One entry for each text; a single - appends each line of standard input.
        #[arg(required = true, value_name = "TEXT")]
        texts: Vec<String>,
    },
    /// Print the last entries, oldest first.
    #[command(after_help = "\
Examples:
  storage log tail -n 100
  storage log tail -f        and then new entries, until Ctrl-C")]
    Tail {
        /// Number of entries.
        #[arg(short = 'n', default_value_t = 10, value_name = "N")]
        count: u64,
        /// Wait for new entries and print them.
        #[arg(short, long)]
        follow: bool,
        /// Verify the entries with the root key of the network. The log must be certified.
        #[arg(long)]
        verify: bool,
    },
    /// Print entries from an index on, oldest first. Entries that are not text are shown in hexadecimal.
    Read {
        /// Index of the first entry; the oldest entry has index 0.
        #[arg(default_value_t = 0)]
        from: u64,
        /// Limit on the number of entries. Default: all.
        #[arg(short = 'n', value_name = "N")]
        count: Option<u64>,
        /// Verify the entries with the root key of the network. The log must be certified.
        #[arg(long)]
        verify: bool,
    },
}
