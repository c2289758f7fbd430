//! The command line.

mod access;
mod certify;
pub(crate) mod global;
mod log;
mod look;
mod objects;
mod operator;
mod publish;
mod region;
mod select;
mod serve;

use std::sync::LazyLock;

use clap::{Parser, Subcommand};
use clap_complete::ArgValueCompleter;
use storage_wasm::STORAGE_WASM_SHA256;

pub(crate) use self::{
    access::{ConfigArgs, ConfigCommand, RoleName, RolesCommand},
    certify::CertifyArgs,
    log::LogCommand,
    look::{CatArgs, DiffArgs, DuArgs, FindArgs, TreeArgs},
    objects::{CpArgs, GetArgs, LsArgs, PutArgs, RmArgs, SyncArgs, UploadsCommand},
    operator::{ManArgs, SnapshotCommand},
    publish::{Coding, PublishArgs, SiteArgs},
    region::{NumberKind, RegionCommand},
    select::{CompareArgs, FilterArgs, FolderArgs, HumanArgs},
    serve::ServeArgs,
};
use crate::{complete, settings::Settings};

/// Stores objects and a log in the stable memory of a canister, either in a local folder or on a network.
#[derive(Debug, Parser)]
#[command(
    name = "storage",
    version = VERSION,
    long_version = LONG_VERSION.as_str(),
    after_help = AFTER_HELP,
    max_term_width = 100
)]
pub(crate) struct Args {
    #[command(flatten, next_help_heading = "Connection")]
    pub(crate) settings: Settings,

    #[command(flatten, next_help_heading = "Output")]
    pub(crate) options: global::GlobalOptions,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Version, and commit that the command was built from.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("STORAGE_COMMIT"), ")");

/// Version, and the canister module that `init` and `upgrade` install.
static LONG_VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{VERSION}\ncanister module {STORAGE_WASM_SHA256} (SHA-256)"));

const AFTER_HELP: &str = "\
Examples:
  storage init                        create a store in ./.storage
  storage put photo.png               store a file under its name
  storage get photo.png copy.png      read it back
  storage sync photos album           store new and changed files of a folder
  storage ls -l album/                list it, with sizes and dates
  date | storage log append -         append a line to the log

  storage --network ic --canister 37pka-5h777-77777-7777q-cai --identity alice ls

Settings, highest precedence first: flags; environment (STORAGE_STORE, STORAGE_NETWORK, STORAGE_CANISTER, STORAGE_IDENTITY); ./storage.toml; ~/.config/storage/storage.toml. The file has the keys store, network, canister and identity. STORAGE_CACHE_DIR sets the cache folder of compiled canisters.

Exit codes:
  0    done
  1    failed; standard error has the reason
  2    invalid command line
  3    no such object, upload or region
  130  interrupted with Ctrl-C";

/// Subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create an empty store in the folder.
    Init,
    #[command(flatten)]
    InStore(StoreCommand),
    #[command(flatten)]
    Between(BetweenCommand),
    /// Check the whole memory of a store for corruption.
    #[command(after_help = "\
Examples:
  storage check                 the store in ./.storage
  storage check backup.image    a file written by snapshot export, or a canister's stable memory")]
    Check {
        /// Image of stable memory, which is only read. Default: the store.
        image: Option<std::path::PathBuf>,
    },
    /// Check the store's folder for corruption; repair it with --yes.
    #[command(after_help = "\
Examples:
  storage repair          report corruption and the repairs
  storage repair --yes    make the repairs; a corrupt journal is kept as journal-damaged.bin")]
    Repair {
        /// Make the repairs. Without it, nothing is changed.
        #[arg(long)]
        yes: bool,
    },
    /// Serve the store over the Internet Computer's HTTP interface, until Ctrl-C.
    #[command(after_help = "\
Examples:
  storage serve
  storage serve --listen 127.0.0.1:0
  storage --network http://127.0.0.1:4943 --canister rwlgt-iiaaa-aaaaa-aaaaa-cai --identity anonymous ls

The caller is the principal that signs the call. Grant roles with storage roles set, before serving the store or as an admin.")]
    Serve(ServeArgs),
    /// Export or import an image of a store's memory.
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Upgrade the store's canister to the version of this command, and report the cost.
    Upgrade {
        /// Skip pre_upgrade of the old canister. No data is lost.
        #[arg(long)]
        skip_pre_upgrade: bool,
    },
    /// Print a shell completion script.
    #[command(after_help = "\
Examples:
  storage completions bash >~/.local/share/bash-completion/completions/storage
  storage completions fish >~/.config/fish/completions/storage.fish

Keys, networks and identities are completed as well, by calling this command.")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write the pages of all commands to a folder.
    Man(ManArgs),
}

/// Subcommands that work on an existing store.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Store a file, or standard input, under a key.
    Put(PutArgs),
    /// Read the value under a key.
    Get(GetArgs),
    /// Print objects, one after the other.
    Cat(CatArgs),
    /// List keys and folders, in byte order.
    Ls(LsArgs),
    /// List the objects of some name, age or size.
    Find(FindArgs),
    /// Show folders and objects as a tree.
    Tree(TreeArgs),
    /// Show how many bytes are in folders.
    Du(DuArgs),
    /// Show the metadata of an object.
    Stat {
        /// The key.
        #[arg(add = ArgValueCompleter::new(complete::keys))]
        key: String,
        /// Verify the metadata, or that there is no object, with the root key of the network.
        #[arg(long)]
        verify: bool,
    },
    /// Remove objects.
    Rm(RmArgs),
    /// Move an object to another key, and replace an existing object there.
    #[command(after_help = "\
Examples:
  storage mv draft.txt final.txt
  storage mv photos/1.png album/      to album/1.png")]
    Mv {
        /// Key of the object.
        #[arg(add = ArgValueCompleter::new(complete::keys))]
        from: String,
        /// New key; with a slash at the end, the folder to move the object to.
        to: String,
    },
    /// Publish a folder as a web site.
    Publish(PublishArgs),
    /// Compute the SHA-256 of an object on the canister, and compare it with the declared one.
    Verify {
        /// The key.
        #[arg(add = ArgValueCompleter::new(complete::keys))]
        key: String,
    },
    /// Certify the objects under a prefix, or the log, so that anyone can verify what is read.
    Certify(CertifyArgs),
    /// List, resume or abort incomplete uploads.
    #[command(subcommand)]
    Uploads(UploadsCommand),
    /// Append to the log, or read it.
    #[command(subcommand)]
    Log(LogCommand),
    /// Create, read and write regions: raw memories, like Motoko's Region.
    #[command(subcommand)]
    Region(RegionCommand),
    /// Show or change roles.
    #[command(subcommand)]
    Roles(RolesCommand),
    /// Print the principal that calls the canister.
    Whoami,
    /// Show or change the settings.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Show the state of the store.
    Status(HumanArgs),
}

/// Subcommands whose arguments are locations, in any stores.
#[derive(Debug, Subcommand)]
pub(crate) enum BetweenCommand {
    /// Copy files, objects and folders on this machine, into, out of and between stores.
    Cp(CpArgs),
    /// Make a folder like another one: one of this machine and one in a store, two in stores, or two of this machine.
    Sync(SyncArgs),
    /// Compare two folders, on this machine or in stores, by names, sizes and SHA-256.
    Diff(DiffArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// The definitions above are consistent.
    #[test]
    fn the_arguments_are_consistent() {
        Args::command().debug_assert();
    }

    /// Help texts wrap at the width of the terminal: a line that is not an example or a table ends where a sentence ends.
    #[test]
    fn help_texts_have_no_hard_line_breaks() {
        let mut commands = vec![Args::command()];
        while let Some(command) = commands.pop() {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with(' ')) {
                assert!(line.ends_with(['.', ':']), "{}: {line}", command.get_name());
            }
            commands.extend(command.get_subcommands().cloned());
        }
    }
}
