//! What can be said on the command line.

mod access;
mod log;
mod objects;
mod operator;
mod region;
mod serve;

use std::{num::NonZeroUsize, sync::LazyLock, time::Duration};

use clap::{Parser, Subcommand};
use clap_complete::ArgValueCompleter;
use storage_wasm::STORAGE_WASM_SHA256;

pub(crate) use self::{
    access::{ConfigArgs, ConfigCommand, RoleName, RolesCommand},
    log::LogCommand,
    objects::{CpArgs, GetArgs, LsArgs, PutArgs, RmArgs, SyncArgs, UploadsCommand},
    operator::{ManArgs, SnapshotCommand},
    region::{NumberKind, RegionCommand},
    serve::ServeArgs,
};
use crate::{complete, settings::Settings, size::parse_duration};

/// Keeps objects and a log in the stable memory of a canister: one in a folder, run by this process, or one on a network.
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

    #[command(flatten, next_help_heading = "Output and performance")]
    pub(crate) manner: Manner,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What goes for every command.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Manner {
    /// Print data as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Say nothing but data and errors, and show no progress.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Print numbers of bytes as they are, without units.
    #[arg(long, global = true)]
    pub(crate) bytes: bool,

    /// Print bytes as they are on a terminal too, where escapes stand for what cannot be shown.
    #[arg(long, global = true)]
    pub(crate) raw: bool,

    /// How many calls are under way at once in a transfer.
    #[arg(short, long, global = true, value_name = "N", default_value = "8")]
    pub(crate) jobs: NonZeroUsize,

    /// How long to wait while another command has the store open.
    #[arg(long, global = true, value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    pub(crate) wait: Duration,
}

/// The version and the commit that the command was built from.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("STORAGE_COMMIT"), ")");

/// The same and the canister that `init` and `upgrade` install.
static LONG_VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{VERSION}\ncanister module {STORAGE_WASM_SHA256} (SHA-256)"));

const AFTER_HELP: &str = "\
Examples:
  storage init                        make a store in ./.storage
  storage put photo.png               store a file under its name
  storage get photo.png copy.png      read it back
  storage sync photos album           store what is new or changed in a folder
  storage ls -l album/                list it, with sizes and dates
  date | storage log append -         append a line to the log

  storage --network ic --canister 37pka-5h777-77777-7777q-cai --identity alice ls

Settings are looked for in this order: flags; the environment (STORAGE_STORE, STORAGE_NETWORK, STORAGE_CANISTER, STORAGE_IDENTITY); ./storage.toml; storage/storage.toml in ~/.config. The file has the keys store, network, canister and identity. STORAGE_CACHE_DIR says where compiled canisters are kept.

Exit codes:
  0    done
  1    failed; standard error says why and what to do
  2    the command line was not understood
  3    there is no such object, upload or region
  130  interrupted with Ctrl-C";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an empty store in the folder.
    Init,
    #[command(flatten)]
    InStore(StoreCommand),
    /// Walk all of a store's memory and say whether it is sound.
    #[command(after_help = "\
Examples:
  storage check                 the store in ./.storage
  storage check backup.image    a file that snapshot export wrote, or a canister's stable memory")]
    Check {
        /// An image of stable memory, which is only read. Without it, the store.
        image: Option<std::path::PathBuf>,
    },
    /// Look for damage in the store's folder; with --yes, repair it.
    #[command(after_help = "\
Examples:
  storage repair          what is damaged, and what would be done about it
  storage repair --yes    do it; a damaged journal is kept as journal-damaged.bin")]
    Repair {
        /// Do what was said. Without it, nothing is changed.
        #[arg(long)]
        yes: bool,
    },
    /// Serve the store to every client of the Internet Computer, until Ctrl-C.
    #[command(after_help = "\
Examples:
  storage serve
  storage serve --listen 127.0.0.1:0
  storage --network http://127.0.0.1:4943 --canister rwlgt-iiaaa-aaaaa-aaaaa-cai --identity anonymous ls

Calls are made by whoever signs them, and who may do what is a matter of roles: storage roles set gives them, before the store is served or by an admin.")]
    Serve(ServeArgs),
    /// Write or read images of a store's memory.
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Upgrade the store's canister to the one of this command, and say what that cost.
    Upgrade {
        /// Leave out pre_upgrade of the old canister; nothing is lost by it.
        #[arg(long)]
        skip_pre_upgrade: bool,
    },
    /// Print a script that completes commands in a shell.
    #[command(after_help = "\
Examples:
  storage completions bash >~/.local/share/bash-completion/completions/storage
  storage completions fish >~/.config/fish/completions/storage.fish

Keys, networks and identities are completed, too: the script asks this command what may come next.")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write those of all commands to a folder.
    Man(ManArgs),
}

/// What to do in a store that is there, wherever it is.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Store a file, or standard input, under a key.
    Put(PutArgs),
    /// Read the value under a key.
    Get(GetArgs),
    /// List keys and folders, in byte order.
    Ls(LsArgs),
    /// Show what is known of an object.
    Stat {
        /// The key.
        #[arg(add = ArgValueCompleter::new(complete::keys))]
        key: String,
    },
    /// Remove objects.
    Rm(RmArgs),
    /// Move an object to another key, replacing what is there.
    #[command(after_help = "\
Examples:
  storage mv draft.txt final.txt
  storage mv photos/1.png album/      to album/1.png")]
    Mv {
        /// The key that the object has.
        #[arg(add = ArgValueCompleter::new(complete::keys))]
        from: String,
        /// The key that it is to have, or with a slash at the end the folder that it is to be in.
        to: String,
    },
    /// Copy files or a folder into the store, or out of it.
    Cp(CpArgs),
    /// Store what is new or changed in a folder, or with --down fetch what is new or changed in the store.
    Sync(SyncArgs),
    /// Have the store compute the SHA-256 of an object and compare it with what was declared.
    Verify {
        /// The key.
        #[arg(add = ArgValueCompleter::new(complete::keys))]
        key: String,
    },
    /// List incomplete uploads, resume one, or abort it.
    #[command(subcommand)]
    Uploads(UploadsCommand),
    /// Append to the log, or read it.
    #[command(subcommand)]
    Log(LogCommand),
    /// Make, read and write regions: raw memories, as Motoko's Region.
    #[command(subcommand)]
    Region(RegionCommand),
    /// Show or change who may do what.
    #[command(subcommand)]
    Roles(RolesCommand),
    /// Print the principal that calls the canister.
    Whoami,
    /// Show or change what is configured.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Show the state of the store.
    Status,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// The definitions above do not contradict each other.
    #[test]
    fn the_arguments_are_consistent() {
        Args::command().debug_assert();
    }

    /// The texts after the options are broken where the terminal ends, and not by hand: a line that is not an example or a
    /// table ends where a sentence does.
    #[test]
    fn no_sentence_is_broken_by_hand() {
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
