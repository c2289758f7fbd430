//! Where the store is: from flags, the environment and a file, in this order.

use std::{
    env, fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use clap_complete::ArgValueCompleter;
use serde::Deserialize;

use crate::{complete, network, notes::Notes, text};

/// The name of the file, in the working directory and in the user's.
const FILE: &str = "storage.toml";

/// What was said in one place. Each of them is a flag, a variable and a key of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The folder of a store that this process runs. The default is ./.storage.
    #[arg(long, global = true, value_name = "DIR", value_hint = clap::ValueHint::DirPath, conflicts_with = "network")]
    pub(crate) store: Option<PathBuf>,

    /// The network of a canister: ic, local, another one of icp.yaml or dfx.json, or a URL.
    #[arg(long, global = true, value_name = "NETWORK", add = ArgValueCompleter::new(complete::networks))]
    pub(crate) network: Option<String>,

    /// The canister on the network.
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) canister: Option<String>,

    /// Who calls the canister: an identity of icp or dfx, a file with a private key in PEM, or anonymous.
    #[arg(long, global = true, value_name = "NAME|PEM|anonymous", add = ArgValueCompleter::new(complete::identities))]
    pub(crate) identity: Option<String>,
}

/// Where the store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a folder, and this process is its host.
    Folder(PathBuf),
    /// On a network.
    Network {
        /// What was said: `ic`, `local`, a name or a URL.
        network: String,
        /// The canister's identifier.
        canister: String,
        /// The file of a private key, the name of an identity, or `anonymous`.
        identity: String,
    },
}

impl Place {
    /// The place that the flags, the environment and the files name together.
    pub(crate) fn find(flags: Settings, notes: Notes) -> Result<Self> {
        let here = Settings::of_file(Path::new(FILE))?;
        let users = user_folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join(FILE));
        // What the user's file says is missing where it cannot be read, and that is no matter to most commands.
        let (user, unread) = match users.as_deref().map(Settings::of_file) {
            None => (Settings::default(), None),
            Some(Ok(user)) => (user, None),
            Some(Err(error)) if is_unreadable(&error) => (Settings::default(), Some(error)),
            Some(Err(error)) => return Err(error),
        };
        let levels = [
            ("the flags", flags),
            ("the environment", Settings::of_environment()),
            (FILE, here),
            ("the user's storage.toml", user),
        ];
        let found = Self::of(&levels);
        if let Some(error) = unread
            && !matches!(&found, Ok(found) if found.is_decided_by(&levels))
        {
            notes.say(&format!("{error:#}; going on without it"));
        }
        let found = found?;
        found.announce(&levels[..2], &levels[2].1, notes);
        Ok(found)
    }

    /// Whether what was said on these levels is all that counts: a network has everything then, and a folder was named.
    fn is_decided_by(&self, levels: &[(&str, Settings)]) -> bool {
        match self {
            Self::Folder(_) => levels.iter().any(|(_, level)| level.store.is_some()),
            Self::Network { .. } => true,
        }
    }

    /// Says so where a file in the working directory sends the command to a network: it may have come with somebody
    /// else's project.
    fn announce(&self, before: &[(&str, Settings)], here: &Settings, notes: Notes) {
        let Self::Network { network, canister, identity } = self else { return };
        let is_new = |of: fn(&Settings) -> &Option<String>| {
            of(here).is_some() && before.iter().all(|(_, level)| of(level).is_none())
        };
        let named_before = before.iter().any(|(_, level)| level.store.is_some() || level.network.is_some());
        let is_sent = here.network.is_some() && !named_before
            || is_new(|level| &level.canister)
            || is_new(|level| &level.identity);
        if is_sent {
            notes.say(&format!("using canister {canister} on {network} as {identity}, as ./{FILE} says"));
        }
    }

    /// The first level that says where decides; the other settings are each the first that is given.
    fn of(levels: &[(&str, Settings)]) -> Result<Self> {
        let decides = levels.iter().find(|(_, level)| level.store.is_some() || level.network.is_some());
        let (store, network) = match decides {
            Some((name, Settings { store: Some(_), network: Some(_), .. })) => {
                bail!("{name} has both a store and a network; a store is in one place only")
            }
            Some((_, level)) => (level.store.clone(), level.network.clone()),
            None => (None, None),
        };
        let Some(network) = network else {
            // Of the other levels, they may be there for another day; a flag is meant now.
            if levels.first().is_some_and(|(_, flags)| flags.canister.is_some() || flags.identity.is_some()) {
                bail!(
                    "--canister and --identity are for a network; which one? Give --network ic, local or a URL"
                );
            }
            return Ok(Self::Folder(store.unwrap_or_else(|| "./.storage".into())));
        };
        let first =
            |of: fn(&Settings) -> &Option<String>| levels.iter().find_map(|(_, level)| of(level).clone());
        let canister = first(|level| &level.canister).ok_or_else(|| {
            anyhow!("which canister? Give --canister ID, or set STORAGE_CANISTER or canister in {FILE}")
        })?;
        let identity = first(|level| &level.identity).ok_or_else(|| {
            anyhow!(
                "who calls the canister? Give --identity with the name of an identity of icp or dfx, a PEM file or anonymous, or set STORAGE_IDENTITY \
                 or identity in {FILE}"
            )
        })?;
        Ok(Self::Network { network, canister, identity })
    }
}

impl Settings {
    fn of_environment() -> Self {
        // A variable that is set to nothing counts as one that is not set.
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
        let text = |name| variable(name).map(|value| value.to_string_lossy().into_owned());
        Self {
            store: variable("STORAGE_STORE").map(PathBuf::from),
            network: text("STORAGE_NETWORK"),
            canister: text("STORAGE_CANISTER"),
            identity: text("STORAGE_IDENTITY"),
        }
    }

    /// What a file says, nothing where there is none. Paths in it start at its folder.
    fn of_file(file: &Path) -> Result<Self> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Self::default());
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", text::path(file))),
        };
        let mut settings: Self =
            toml::from_str(&text).with_context(|| format!("{} is not understood", text::path(file)))?;
        let folder = file.parent().unwrap_or(Path::new(""));
        settings.store = settings.store.map(|store| folder.join(store));
        settings.identity = settings.identity.map(|identity| {
            let file = folder.join(&identity);
            let is_file = network::is_path(&identity) || file.is_file();
            if is_file && identity != "anonymous" { file.to_string_lossy().into_owned() } else { identity }
        });
        Ok(settings)
    }
}

/// Whether a file is there and cannot be read, as opposed to one that is not understood.
fn is_unreadable(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() != ErrorKind::InvalidData)
}

/// Our folder for caches or settings: in what a variable names, or else in a folder of the user's home.
pub(crate) fn user_folder(variable: &str, in_home: &str) -> Option<PathBuf> {
    // The convention wants relative paths to be ignored.
    let named = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = named.or_else(|| env::home_dir().map(|home| home.join(in_home)))?;
    Some(base.join("storage"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(levels: [Settings; 3]) -> Result<Place> {
        let [flags, environment, file] = levels;
        Place::of(&[("the flags", flags), ("the environment", environment), ("the file", file)])
    }

    fn settings(text: &str) -> Settings {
        toml::from_str(text).unwrap()
    }

    /// Without any setting, the store is in the folder of the working directory.
    #[test]
    fn the_default_is_a_folder() {
        assert_eq!(place(Default::default()).unwrap(), Place::Folder("./.storage".into()));
    }

    /// What comes first decides where the store is, and each other setting may come from elsewhere.
    #[test]
    fn flags_go_before_environment_and_file() {
        let network = settings("network = 'ic'\ncanister = 'aaaaa-aa'");
        let file = settings("store = 'a'\nidentity = 'me.pem'\ncanister = 'other'");
        let found = place([Settings::default(), network.clone(), file.clone()]).unwrap();
        let expected =
            Place::Network { network: "ic".into(), canister: "aaaaa-aa".into(), identity: "me.pem".into() };
        assert_eq!(found, expected);
        let found = place([settings("store = 'b'"), network, file]).unwrap();
        assert_eq!(found, Place::Folder("b".into()));
    }

    /// A store in two places, a network without canister or identity, and a key that is not known are errors that name it.
    #[test]
    fn contradictions_and_gaps_are_errors() {
        let said =
            |text| place([Settings::default(), settings(text), Settings::default()]).unwrap_err().to_string();
        assert!(said("store = 'a'\nnetwork = 'ic'").contains("the environment has both"));
        assert!(said("network = 'ic'").contains("--canister"));
        assert!(said("network = 'ic'\ncanister = 'a'").contains("--identity"));
        let flags = [settings("canister = 'a'"), settings("store = 'b'"), Settings::default()];
        assert!(place(flags).unwrap_err().to_string().contains("--network"));
        let unknown = toml::from_str::<Settings>("stroe = 'a'").unwrap_err().to_string();
        assert!(unknown.contains("stroe"), "{unknown}");
    }
}
