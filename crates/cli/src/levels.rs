//! Settings from flags, the environment and files, in order of precedence.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use embedded_ic::EmbeddedIc;

use crate::{
    failure::with_help,
    notes::Notes,
    settings::{DEFAULT_FOLDER, FILE, NamedStore, Settings, StoreLocation, is_unreadable, user_folder},
};

/// Settings from all sources, highest precedence first.
pub(crate) struct Levels {
    levels: [(&'static str, Settings); 4],
    /// Error of reading the user's file. Most commands do not need it, so it is only a note for them.
    unread: Option<anyhow::Error>,
}

/// Index of `./storage.toml` in the levels.
const HERE: usize = 2;

impl Levels {
    /// Reads the environment and the files.
    pub(crate) fn read(flags: Settings) -> Result<Self> {
        let here = Settings::of_file(Path::new(FILE))?;
        let users = user_folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join(FILE));
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
        Ok(Self { levels, unread })
    }

    /// Determines the location of the current store.
    pub(crate) fn current(&self, notes: Notes) -> Result<StoreLocation> {
        let Self { levels, unread } = self;
        let found = StoreLocation::of(levels);
        if let Some(error) = unread
            && !matches!(&found, Ok(found) if found.is_decided_by(levels))
        {
            notes.say(&format!("ignored: {error:#}"));
        }
        let found = found?;
        found.announce(&levels[..HERE], &levels[HERE].1, notes);
        Ok(found)
    }

    /// Determines the location of a store that a file names.
    pub(crate) fn named(&self, name: &str, notes: Notes) -> Result<StoreLocation> {
        let stores = |level: &Settings| level.stores.get(name).cloned();
        let Some(at) = self.levels.iter().position(|(_, level)| stores(level).is_some()) else {
            if let Some(error) = &self.unread {
                notes.say(&format!("ignored: {error:#}"));
            }
            return Err(self.unknown(name));
        };
        let (file, level) = &self.levels[at];
        let NamedStore { store, network, canister, identity } = stores(level).unwrap_or_default();
        // Only the identity can come from another source.
        let inherited = || self.levels.iter().find_map(|(_, level)| level.identity.clone());
        let identity = match network {
            Some(_) => identity.or_else(inherited),
            None => identity,
        };
        let named = Settings { store, network, canister, identity, stores: BTreeMap::new() };
        if named.store.is_none() && named.network.is_none() {
            return Err(with_help(
                format!("stores.{name} in {file} has no location"),
                "set store to a folder, or network and canister",
            ));
        }
        let found =
            StoreLocation::of(&[(file, named)]).with_context(|| format!("stores.{name} in {file}"))?;
        if let StoreLocation::Network { network, canister, identity } = &found
            && at == HERE
        {
            notes.say(&format!(
                "{name} is canister {canister} on {network}, called as {identity}, from ./{FILE}"
            ));
        }
        Ok(found)
    }

    /// Returns the names of other stores, in order.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> =
            self.levels.iter().flat_map(|(_, level)| level.stores.keys().map(String::as_str)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns the folders of all existing stores that the settings define, and of the default one, whether or not the
    /// command uses them.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        let quiet = Notes { quiet: true, json: true };
        let named = self.names().into_iter().map(|name| self.named(name, quiet));
        // Settings with an error are reported by a command that uses them.
        let folders = named.chain([self.current(quiet)]).filter_map(|location| match location {
            Ok(StoreLocation::Folder(folder)) => Some(folder),
            _ => None,
        });
        folders.chain([DEFAULT_FOLDER.into()]).filter(|folder| EmbeddedIc::is_dir(folder)).collect()
    }

    fn unknown(&self, name: &str) -> anyhow::Error {
        let known = match self.names().join(", ") {
            none if none.is_empty() => String::new(),
            names => format!("; the known ones are {names}"),
        };
        with_help(
            format!("no store is named {name:?}{known}"),
            format!("for a file, write ./{name}:...; for a store, define [stores.{name}] in {FILE}"),
        )
    }
}
