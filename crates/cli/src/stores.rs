//! The stores that a command uses, each of them opened once.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use candid::Principal;
use storage_client::Transport;

use crate::{
    context::Context,
    levels::Levels,
    location::{Location, StoreName},
    settings::StoreLocation,
    store::{Store, StoreClient},
    tree::{Root, prefix_of},
};

/// Opens stores by their names.
pub(crate) struct Stores {
    levels: Levels,
    /// Names, and the index of their store. A store can have several names.
    names: Vec<(StoreName, usize)>,
    open: Vec<(StoreLocation, Store)>,
}

impl Stores {
    /// Prepares opening the stores that the settings define.
    pub(crate) fn new(levels: Levels) -> Self {
        Self { levels, names: Vec::new(), open: Vec::new() }
    }

    /// Opens a store, unless it is open. A folder that has two names is opened once, because a second opening would wait
    /// for the first one.
    pub(crate) async fn open(&mut self, name: &StoreName, context: &Context) -> Result<()> {
        if self.names.iter().any(|(known, _)| known == name) {
            return Ok(());
        }
        let notes = context.output.notes();
        let location = match name {
            StoreName::Current => self.levels.current(notes)?,
            StoreName::Named(name) => self.levels.named(name, notes)?,
        };
        let index = match self.open.iter().position(|(other, _)| is_same(other, &location)) {
            Some(index) => index,
            None => {
                let store = Store::new(&location, context).await?;
                self.open.push((location, store));
                self.open.len() - 1
            }
        };
        self.names.push((name.clone(), index));
        Ok(())
    }

    /// Opens the stores of these locations.
    pub(crate) async fn open_all<'a>(
        &mut self,
        locations: impl IntoIterator<Item = &'a Location>,
        context: &Context,
    ) -> Result<()> {
        for name in locations.into_iter().filter_map(Location::store) {
            self.open(name, context).await?;
        }
        Ok(())
    }

    /// Returns the root of a folder, whose store must be open if it is in one.
    pub(crate) fn root(&self, location: &Location) -> Result<Root<'_>> {
        match location {
            Location::Local(folder) => Ok(Root::Folder(folder.clone())),
            Location::Store(path) => Ok(Root::Prefix {
                client: self.client(&path.store),
                prefix: prefix_of(&path.key)?,
                label: path.store.label(),
            }),
            Location::Stream => bail!("standard input and output are not folders"),
        }
    }

    /// Returns the client of an open store.
    pub(crate) fn client(&self, name: &StoreName) -> &StoreClient {
        let (_, index) =
            self.names.iter().find(|(known, _)| known == name).expect("a store is opened before it is used");
        self.open[*index].1.client()
    }

    /// Returns the caller, if it is the same in all open stores.
    pub(crate) fn caller(&self) -> Option<Principal> {
        let mut callers = self.open.iter().map(|(_, store)| store.client().transport().caller());
        let first = callers.next()??;
        callers.all(|caller| caller == Some(first)).then_some(first)
    }

    /// Closes all stores, and returns the result of the command.
    pub(crate) fn close<T>(self, done: Result<T>) -> Result<T> {
        self.open.into_iter().fold(done, |done, (_, store)| store.close(done))
    }
}

/// Returns whether two locations are of one store, called as the same caller.
fn is_same(one: &StoreLocation, other: &StoreLocation) -> bool {
    match (one, other) {
        (StoreLocation::Folder(one), StoreLocation::Folder(other)) => real(one) == real(other),
        _ => one == other,
    }
}

/// Returns the path of a folder without links.
fn real(folder: &Path) -> PathBuf {
    fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}
