//! Arguments of the command `certify`.

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  storage certify               list the certified prefixes
  storage certify album/        certify all objects under album/
  storage certify ''            certify all objects
  storage certify --log         certify the log

Anyone can then check that an object is what the canister stores: storage get --verify KEY. If the command is interrupted, run it again to resume.")]
pub(crate) struct CertifyArgs {
    /// Prefix of the keys. Objects that are stored under it later are certified as well.
    #[arg(conflicts_with = "log")]
    pub(crate) prefix: Option<String>,
    /// Certify the log.
    #[arg(long)]
    pub(crate) log: bool,
    /// Stop certifying the objects under the prefix.
    #[arg(long, requires = "prefix")]
    pub(crate) off: bool,
}
