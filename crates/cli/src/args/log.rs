//! What can be said about the log.

use clap::Subcommand;

/// What to do with the log.
#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Append entries.
    Append {
        /// Each text is an entry; a single - appends each line of standard input.
        #[arg(required = true, value_name = "TEXT")]
        texts: Vec<String>,
    },
    /// Print the last entries, oldest first.
    #[command(after_help = "\
Examples:
  storage log tail -n 100
  storage log tail -f        and then each entry as it comes, until Ctrl-C")]
    Tail {
        /// How many.
        #[arg(short = 'n', default_value_t = 10, value_name = "N")]
        count: u64,
        /// Go on, and print what is appended.
        #[arg(short, long)]
        follow: bool,
    },
    /// Print entries from an index on, oldest first. Entries that are no text are shown in hexadecimal.
    Read {
        /// The index of the first one; the oldest of all has index 0.
        #[arg(default_value_t = 0)]
        from: u64,
        /// How many at most. Without it, all.
        #[arg(short = 'n', value_name = "N")]
        count: Option<u64>,
    },
}
