//! Location of the store: from flags, the environment and files, in this order.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap_complete::ArgValueCompleter;
use serde::Deserialize;

use crate::{
    failure::with_help,
    location::{CURRENT, is_name},
    network::{self, complete},
    notes::Notes,
    text,
};

/// Name of the file, in the working directory and in the user's configuration folder.
pub(crate) const FILE: &str = "storage.toml";

/// Settings from one source. Each of them is a flag, an environment variable and a key of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Folder of a local store. Default: ./.storage.
    #[arg(long, global = true, value_name = "DIR", value_hint = clap::ValueHint::DirPath, conflicts_with = "network")]
    pub(crate) store: Option<PathBuf>,

    /// Network of a canister: ic, local, a network of icp.yaml or dfx.json, or a URL.
    #[arg(long, global = true, value_name = "NETWORK", add = ArgValueCompleter::new(complete::networks))]
    pub(crate) network: Option<String>,

    /// Identifier of the canister on the network.
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) canister: Option<String>,

    /// Identity of the caller: the name of an identity of icp or dfx, a PEM file with a private key, or anonymous.
    #[arg(long, global = true, value_name = "NAME|PEM|anonymous", add = ArgValueCompleter::new(complete::identities))]
    pub(crate) identity: Option<String>,

    /// Other stores, by the names that locations in them begin with. Only in the file.
    #[arg(skip)]
    #[serde(default)]
    pub(crate) stores: BTreeMap<String, NamedStore>,
}

/// Store with a name: in a folder, or a canister on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedStore {
    pub(crate) store: Option<PathBuf>,
    pub(crate) network: Option<String>,
    pub(crate) canister: Option<String>,
    pub(crate) identity: Option<String>,
}

/// Folder of the store if no setting selects one.
pub(crate) const DEFAULT_FOLDER: &str = "./.storage";

/// Location of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreLocation {
    /// In a folder; this process is its host.
    Folder(PathBuf),
    /// On a network.
    Network {
        /// As given: `ic`, `local`, a name or a URL.
        network: String,
        /// Identifier of the canister.
        canister: String,
        /// PEM file, name of an identity, or `anonymous`.
        identity: String,
    },
}

impl StoreLocation {
    /// Returns whether these levels are sufficient: a network with all of its settings, or a folder.
    pub(crate) fn is_decided_by(&self, levels: &[(&str, Settings)]) -> bool {
        match self {
            Self::Folder(_) => levels.iter().any(|(_, level)| level.store.is_some()),
            Self::Network { .. } => true,
        }
    }

    /// Prints a note if a file in the working directory selects a network: it may be part of someone else's project.
    pub(crate) fn announce(&self, before: &[(&str, Settings)], here: &Settings, notes: Notes) {
        let Self::Network { network, canister, identity } = self else { return };
        let is_new = |of: fn(&Settings) -> &Option<String>| {
            of(here).is_some() && before.iter().all(|(_, level)| of(level).is_none())
        };
        let named_before = before.iter().any(|(_, level)| level.store.is_some() || level.network.is_some());
        let is_sent = here.network.is_some() && !named_before
            || is_new(|level| &level.canister)
            || is_new(|level| &level.identity);
        if is_sent {
            notes.say(&format!("using canister {canister} on {network} as {identity}, from ./{FILE}"));
        }
    }

    /// The first level with a location decides; each other setting comes from the first level that has it.
    pub(crate) fn of(levels: &[(&str, Settings)]) -> Result<Self> {
        let decides = levels.iter().find(|(_, level)| level.store.is_some() || level.network.is_some());
        let (store, network) = match decides {
            Some((name, Settings { store: Some(_), network: Some(_), .. })) => {
                return Err(with_help(
                    format!("{name} has both a store and a network"),
                    "remove one of them",
                ));
            }
            Some((_, level)) => (level.store.clone(), level.network.clone()),
            None => (None, None),
        };
        let Some(network) = network else {
            // On other levels they may be intended for another command; a flag is intended for this one.
            if levels.first().is_some_and(|(_, flags)| flags.canister.is_some() || flags.identity.is_some()) {
                return Err(with_help(
                    "--canister and --identity require a network",
                    "add --network ic, --network local or --network URL",
                ));
            }
            return Ok(Self::Folder(store.unwrap_or_else(|| DEFAULT_FOLDER.into())));
        };
        let first =
            |of: fn(&Settings) -> &Option<String>| levels.iter().find_map(|(_, level)| of(level).clone());
        let canister = first(|level| &level.canister).ok_or_else(|| {
            let help = format!("give --canister ID, or set STORAGE_CANISTER, or canister in {FILE}");
            with_help("no canister is given for the network", help)
        })?;
        let identity = first(|level| &level.identity).ok_or_else(|| {
            let help = format!(
                "give --identity (the name of an identity of icp or dfx, a PEM file, or anonymous), or set STORAGE_IDENTITY, or identity in {FILE}"
            );
            with_help("no identity is given for the network", help)
        })?;
        Ok(Self::Network { network, canister, identity })
    }
}

impl Settings {
    pub(crate) fn of_environment() -> Self {
        // A variable with an empty value counts as unset.
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
        let text = |name| variable(name).map(|value| value.to_string_lossy().into_owned());
        Self {
            store: variable("STORAGE_STORE").map(PathBuf::from),
            network: text("STORAGE_NETWORK"),
            canister: text("STORAGE_CANISTER"),
            identity: text("STORAGE_IDENTITY"),
            stores: BTreeMap::new(),
        }
    }

    /// Reads a file; a missing file has no settings. Relative paths start at the file's folder.
    pub(crate) fn of_file(file: &Path) -> Result<Self> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Self::default());
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", text::path(file))),
        };
        let mut settings: Self =
            toml::from_str(&text).with_context(|| format!("{} cannot be parsed", text::path(file)))?;
        let folder = file.parent().unwrap_or(Path::new(""));
        from_folder(folder, &mut settings.store, &mut settings.identity);
        for (name, named) in &mut settings.stores {
            if name == CURRENT || !is_name(name.as_bytes()) {
                return Err(with_help(
                    format!("a store cannot be named {name:?} in {}", text::path(file)),
                    format!("use letters, digits, dots, dashes and underscores, and not {CURRENT:?}"),
                ));
            }
            from_folder(folder, &mut named.store, &mut named.identity);
        }
        Ok(settings)
    }
}

/// Makes relative paths of a file's settings start at the file's folder.
fn from_folder(folder: &Path, store: &mut Option<PathBuf>, identity: &mut Option<String>) {
    *store = store.take().map(|store| folder.join(store));
    *identity = identity.take().map(|identity| {
        let file = folder.join(&identity);
        let is_file = network::is_path(&identity) || file.is_file();
        if is_file && identity != "anonymous" { file.to_string_lossy().into_owned() } else { identity }
    });
}

/// Returns whether a file exists but cannot be read, as opposed to one that cannot be parsed.
pub(crate) fn is_unreadable(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() != ErrorKind::InvalidData)
}

/// Returns our folder for caches or settings: in the folder that a variable names, else in the user's home.
pub(crate) fn user_folder(variable: &str, in_home: &str) -> Option<PathBuf> {
    // The XDG specification says to ignore relative paths.
    let named = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = named.or_else(|| env::home_dir().map(|home| home.join(in_home)))?;
    Some(base.join("storage"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(levels: [Settings; 3]) -> Result<StoreLocation> {
        let [flags, environment, file] = levels;
        StoreLocation::of(&[("the flags", flags), ("the environment", environment), ("the file", file)])
    }

    fn settings(text: &str) -> Settings {
        toml::from_str(text).unwrap()
    }

    /// Without any settings, the store is in the folder of the working directory.
    #[test]
    fn the_default_is_a_folder() {
        assert_eq!(location(Default::default()).unwrap(), StoreLocation::Folder("./.storage".into()));
    }

    /// The first source with a location decides, and each other setting may come from another source.
    #[test]
    fn flags_take_precedence_over_environment_and_file() {
        let network = settings("network = 'ic'\ncanister = 'aaaaa-aa'");
        let file = settings("store = 'a'\nidentity = 'me.pem'\ncanister = 'other'");
        let found = location([Settings::default(), network.clone(), file.clone()]).unwrap();
        let expected = StoreLocation::Network {
            network: "ic".into(),
            canister: "aaaaa-aa".into(),
            identity: "me.pem".into(),
        };
        assert_eq!(found, expected);
        let found = location([settings("store = 'b'"), network, file]).unwrap();
        assert_eq!(found, StoreLocation::Folder("b".into()));
    }

    /// A store in two locations, a network without canister or identity, and an unknown key are errors that name it.
    #[test]
    fn contradictions_and_gaps_are_errors() {
        let said = |text| {
            crate::failure::printed(
                &location([Settings::default(), settings(text), Settings::default()]).unwrap_err(),
            )
        };
        assert!(said("store = 'a'\nnetwork = 'ic'").contains("the environment has both"));
        assert!(said("network = 'ic'").contains("--canister"));
        assert!(said("network = 'ic'\ncanister = 'a'").contains("--identity"));
        let flags = [settings("canister = 'a'"), settings("store = 'b'"), Settings::default()];
        assert!(crate::failure::printed(&location(flags).unwrap_err()).contains("--network"));
        let unknown = toml::from_str::<Settings>("stroe = 'a'").unwrap_err().to_string();
        assert!(unknown.contains("stroe"), "{unknown}");
    }
}
