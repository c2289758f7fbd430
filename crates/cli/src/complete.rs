//! What a shell completes besides commands and options: keys, networks and identities. Whatever goes wrong completes nothing:
//! nobody wants to read about it in the middle of a line.

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
    commands::cp::STORE,
    folder, network,
    notes::Notes,
    settings::{Place, Settings},
};

/// How long a network has to answer.
const PATIENCE: Duration = Duration::from_secs(3);

const QUIET: Notes = Notes { quiet: true, json: true };

/// The keys and folders that start with a word, of the store that the words before it are about.
pub(crate) fn keys(word: &OsStr) -> Vec<CompletionCandidate> {
    let Some(word) = word.to_str() else { return Vec::new() };
    let words: Vec<_> = env::args_os().skip_while(|word| word != "--").skip(1).collect();
    let Ok(place) = Place::find(settings(&words), QUIET) else { return Vec::new() };
    let args = ListArgs::level(word, "/");
    let page = match &place {
        Place::Folder(store) => of_folder(store, &args),
        Place::Network { network, canister, identity } => of_network(network, canister, identity, &args),
    };
    let Some(page) = page else { return Vec::new() };
    let keys = page.objects.into_iter().map(|info| info.key);
    keys.chain(page.prefixes).map(CompletionCandidate::new).collect()
}

/// The paths of this machine that start with a word; after `store:`, the keys and folders of the store.
pub(crate) fn paths(word: &OsStr) -> Vec<CompletionCandidate> {
    if let Some(key) = word.to_str().and_then(|word| word.strip_prefix(STORE)) {
        return keys(key.as_ref()).into_iter().map(|key| key.add_prefix(STORE)).collect();
    }
    starting_with(word, vec![STORE.to_owned()])
        .into_iter()
        .chain(PathCompleter::any().complete(word))
        .collect()
}

/// The networks that can be given here.
pub(crate) fn networks(word: &OsStr) -> Vec<CompletionCandidate> {
    starting_with(word, env::current_dir().map(|here| network::names(&here)).unwrap_or_default())
}

/// The identities of icp and dfx. A file is completed by its path as long as no name starts with the word.
pub(crate) fn identities(word: &OsStr) -> Vec<CompletionCandidate> {
    let named = starting_with(word, network::identities());
    if !named.is_empty() {
        return named;
    }
    PathCompleter::file().complete(word)
}

fn starting_with(word: &OsStr, names: Vec<String>) -> Vec<CompletionCandidate> {
    let word = word.to_string_lossy();
    names.into_iter().filter(|name| name.starts_with(&*word)).map(CompletionCandidate::new).collect()
}

/// What the words of a command that is still being typed say about where the store is.
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
    }
}

/// A page of a store in a folder, which is only read: no command has to wait, and nothing is repaired.
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
        tokio::time::timeout(PATIENCE, list).await.ok()?
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
        // The value is the word that is being typed, and not there yet.
        assert_eq!(settings(&words("storage ls --store")), Settings::default());
        assert_eq!(settings(&words("storage ls --stored x")), Settings::default());
    }
}
