//! Shell completion of keys and locations. Errors complete nothing, because a message would disturb the line that
//! is being typed.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::Path,
    time::Duration,
};

use candid::{decode_one, encode_one};
use clap_complete::{
    CompletionCandidate,
    engine::{PathCompleter, ValueCompleter},
};
use embedded_ic::EmbeddedIc;
use stable_storage_api::{ListArgs, ListPage};
use storage_client::Client;

use crate::{
    folder,
    levels::Levels,
    location::{CURRENT, Location, StoreName, StorePath},
    network::{self, complete::starting_with},
    notes::Notes,
    settings::{Settings, StoreLocation},
};

/// Timeout of a network.
const TIMEOUT: Duration = Duration::from_secs(3);

const QUIET: Notes = Notes { quiet: true, json: true };

/// Completes keys and folders, in the store that the earlier words select.
pub(crate) fn keys(word: &OsStr) -> Vec<CompletionCandidate> {
    let Some(word) = word.to_str() else { return Vec::new() };
    let levels = Levels::read(settings(&words_before()));
    let Ok(location) = levels.and_then(|levels| levels.current(QUIET)) else { return Vec::new() };
    keys_at(&location, word).into_iter().map(CompletionCandidate::new).collect()
}

/// Returns the words of the command that is being typed.
fn words_before() -> Vec<OsString> {
    env::args_os().skip_while(|word| word != "--").skip(1).collect()
}

/// Returns the keys and folders of a store that continue a key.
fn keys_at(location: &StoreLocation, key: &str) -> Vec<String> {
    let args = ListArgs::level(key, "/");
    let page = match location {
        StoreLocation::Folder(store) => of_folder(store, &args),
        StoreLocation::Network { network, canister, identity } => {
            of_network(network, canister, identity, &args)
        }
    };
    let Some(page) = page else { return Vec::new() };
    page.objects.into_iter().map(|info| info.key).chain(page.prefixes).collect()
}

/// Completes paths of this machine and names of stores; after `NAME:`, keys and folders of the store.
pub(crate) fn locations(word: &OsStr) -> Vec<CompletionCandidate> {
    let levels = Levels::read(settings(&words_before()));
    if let (Ok(Location::Store(path)), Ok(levels)) = (Location::parse(word), &levels) {
        let start = StorePath { key: String::new(), ..path.clone() }.to_string();
        let location = match &path.store {
            StoreName::Current => levels.current(QUIET),
            StoreName::Named(name) => levels.named(name, QUIET),
        };
        let keys = location.map(|location| keys_at(&location, &path.key)).unwrap_or_default();
        return keys.into_iter().map(|key| CompletionCandidate::new(key).add_prefix(&start)).collect();
    }
    let names = levels.as_ref().map(Levels::names).unwrap_or_default();
    let names = [CURRENT].into_iter().chain(names).map(|name| format!("{name}:"));
    starting_with(word, names.collect()).into_iter().chain(PathCompleter::any().complete(word)).collect()
}

/// Parses the settings from the words of a command that is being typed.
fn settings(words: &[OsString]) -> Settings {
    let flag = |name: &str| {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let word = word.to_str()?;
            match word.strip_prefix(name) {
                Some("") => return words.next().and_then(|value| value.to_str()).map(str::to_owned),
                Some(rest) if rest.starts_with('=') => return Some(rest[1..].to_owned()),
                _ => {}
            }
        }
        None
    };
    Settings {
        store: flag("--store").map(Into::into),
        network: flag("--network"),
        canister: flag("--canister"),
        identity: flag("--identity"),
        ..Settings::default()
    }
}

/// Reads a page of a store in a folder. The folder is opened read-only, so no command waits, and nothing is repaired.
fn of_folder(store: &Path, args: &ListArgs) -> Option<ListPage> {
    let mut host = EmbeddedIc::open_dir(store, folder::config(QUIET).with_read_only()).ok()?;
    let owner = *host.controllers().first()?;
    let reply = host.query(owner, "list", encode_one(args).ok()?).ok()?;
    decode_one::<stable_storage_api::Result<ListPage>>(&reply.bytes).ok()?.ok()
}

fn of_network(network: &str, canister: &str, identity: &str, args: &ListArgs) -> Option<ListPage> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    runtime.block_on(async {
        let list = async {
            let transport = network::connect(network, canister, identity, QUIET).await.ok()?;
            Client::new(transport).list(args).await.ok()
        };
        tokio::time::timeout(TIMEOUT, list).await.ok()?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_before_say_where_the_store_is() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        let found = settings(&words("storage --store=a/b get --network ic x"));
        assert_eq!((found.store, found.network), (Some("a/b".into()), Some("ic".to_owned())));
        // The value is the word that is being typed.
        assert_eq!(settings(&words("storage ls --store")), Settings::default());
        assert_eq!(settings(&words("storage ls --stored x")), Settings::default());
    }
}
