//! Checks that the source and the target of a job do not overlap: a copy could replace what is still to be copied.

use std::{ffi::OsString, path::Path, ptr};

use anyhow::{Context as _, Result, anyhow};
use storage_verify::MAINNET_ROOT_KEY;

use super::job::Job;
use crate::{
    failure::with_help,
    links::resolve,
    store::StoreClient,
    text,
    transport::AnyTransport,
    tree::{Filter, Root},
};

/// Rejects a source and a target of which one is the other, or in it, unless the patterns exclude the inner one from the
/// outer one.
pub(super) fn check(job: &Job<'_>) -> Result<()> {
    let Job { source, target, options } = job;
    let (from, to) = match (source, target) {
        (Root::Folder(from), Root::Folder(to)) => {
            let shown = text::path(from);
            let from = from.canonicalize().with_context(|| format!("cannot read {shown}"))?;
            let to = resolve(to).with_context(|| format!("cannot write to {}", text::path(to)))?;
            (names_of(&from), names_of(&to))
        }
        (Root::Prefix { client: from, prefix, .. }, Root::Prefix { client: to, prefix: other, .. })
            if is_same_store(from, to) =>
        {
            (keys_of(prefix), keys_of(other))
        }
        _ => return Ok(()),
    };
    check_names((source, &from), (target, &to), &options.filter)
}

/// Checks two paths of names in one tree.
fn check_names(
    (source, from): (&Root<'_>, &[OsString]),
    (target, to): (&Root<'_>, &[OsString]),
    filter: &Filter,
) -> Result<()> {
    let kind = match source {
        Root::Folder(_) => "the folder ",
        Root::Prefix { .. } => "",
    };
    let (shown, shown_to) = (source.shown(), target.shown());
    let (what, inner) = match (to.strip_prefix(from), from.strip_prefix(to)) {
        (Some([]), _) => return Err(anyhow!("{shown} and {shown_to} are the same folder")),
        (Some(inner), _) => (format!("cannot copy {kind}{shown} into itself: {shown_to} is in it"), inner),
        (None, Some(inner)) => {
            let why = "copies could replace what is still to be copied";
            (format!("cannot copy {shown} to {shown_to}: the source is in the target, so {why}"), inner)
        }
        (None, None) => return Ok(()),
    };
    let inner: Vec<_> = inner.iter().map(|name| name.to_string_lossy()).collect();
    let inner = inner.join("/");
    if filter.excludes_all_in(&inner) {
        return Ok(());
    }
    let pattern = text::argument(format!("/{}/", glob::Pattern::escape(&inner)));
    Err(with_help(what, format!("copy it elsewhere, or leave that folder out with: --exclude {pattern}")))
}

/// Returns the names that an absolute path leads through.
fn names_of(path: &Path) -> Vec<OsString> {
    path.components().map(|name| name.as_os_str().to_owned()).collect()
}

/// Returns the names that a prefix leads through. Some can be empty.
fn keys_of(prefix: &str) -> Vec<OsString> {
    prefix.split_terminator('/').map(OsString::from).collect()
}

/// Returns whether two clients call one store, maybe as different callers or by different names of a network.
pub(crate) fn is_same_store(one: &StoreClient, other: &StoreClient) -> bool {
    // A folder is opened once, whatever its names are.
    if ptr::eq(one, other) {
        return true;
    }
    let (AnyTransport::Agent(one), AnyTransport::Agent(other)) = (one.transport(), other.transport()) else {
        return false;
    };
    let is_mainnet = || one.root_key() == MAINNET_ROOT_KEY && other.root_key() == MAINNET_ROOT_KEY;
    one.canister() == other.canister() && (host(one.url()) == host(other.url()) || is_mainnet())
}

/// Returns a URL with one name for this machine.
fn host(url: &str) -> String {
    let url = url.trim_end_matches('/').to_ascii_lowercase();
    ["://localhost", "://[::1]"].iter().fold(url, |url, name| url.replacen(name, "://127.0.0.1", 1))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, path::PathBuf};

    use storage_client::Client;
    use tempfile::TempDir;

    use super::*;
    use crate::{
        args::FilterArgs,
        transfer::{Options, testing::Fake},
    };

    fn options(exclude: &[&str]) -> Options {
        let exclude = exclude.iter().map(ToString::to_string).collect();
        let filter = Filter::new(&FilterArgs { exclude, ..FilterArgs::default() }).unwrap();
        Options { filter, ..Options::default() }
    }

    fn of_folders(from: PathBuf, to: PathBuf, exclude: &[&str]) -> Result<(), String> {
        let (source, target) = (Root::Folder(from), Root::Folder(to));
        check(&Job { source, target, options: options(exclude) }).map_err(|error| error.to_string())
    }

    /// Links, dots and folders that do not exist yet lead to the same folder.
    #[test]
    fn folders_that_overlap_are_refused() {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("a/b")).unwrap();
        fs::create_dir(path("ab")).unwrap();
        symlink("a/b", path("link")).unwrap();
        for (from, to, expected) in [
            ("a", "a", "same folder"),
            ("a", "ab/../a/.", "same folder"),
            ("a", "new/../a", "same folder"),
            ("a", "link/..", "same folder"),
            ("a", "a/b", "into itself"),
            ("a", "a/new/folder", "into itself"),
            ("a", "link", "into itself"),
            ("a", "link/new", "into itself"),
            ("a/b", "a", "the source is in the target"),
            ("link", "a", "the source is in the target"),
            ("link", "", "the source is in the target"),
        ] {
            let error = of_folders(path(from), path(to), &[]).unwrap_err();
            assert!(error.contains(expected), "{from} {to}: {error}");
        }
        for (from, to) in [("a", "ab"), ("a", "new/a"), ("a", "link/../../c"), ("ab", "a/b")] {
            of_folders(path(from), path(to), &[]).unwrap();
        }
    }

    /// The patterns may exclude the inner folder from the outer one, on both sides; a pattern for something else does not.
    #[test]
    fn folders_that_the_patterns_keep_apart_are_accepted() {
        let folder = TempDir::new().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        let at = |name: &str| folder.path().join(name);
        for (exclude, expected) in
            [("/b/", true), ("b", true), ("/a/b/", false), ("b/*", false), ("/b/c/", false), ("*", true)]
        {
            for (from, to) in [("a", "a/b"), ("a/b", "a")] {
                let checked = of_folders(at(from), at(to), &[exclude]);
                assert_eq!(checked.is_ok(), expected, "{exclude} {from} {to}: {checked:?}");
            }
            assert!(of_folders(at("a"), at("a"), &[exclude]).is_err());
        }
        // Excluding a folder above excludes what is in it.
        of_folders(at("a"), at("a/b/c"), &["/b/"]).unwrap();
    }

    /// Prefixes overlap by names and not by characters, and only within one store.
    #[test]
    fn prefixes_that_overlap_are_refused() {
        let client = |fake: &Fake| Client::new(AnyTransport::Fake(fake.clone()));
        let (one, other) = (client(&Fake::default()), client(&Fake::default()));
        let checked = |from: &str, to: &str, target, exclude: &[&str]| {
            let root =
                |client, prefix: &str| Root::Prefix { client, prefix: prefix.into(), label: String::new() };
            let (source, target) = (root(&one, from), root(target, to));
            check(&Job { source, target, options: options(exclude) }).map_err(|error| error.to_string())
        };
        for (from, to, expected) in [
            ("", "", "the store and the store are the same"),
            ("a/", "a/", "\"a\" and \"a\" are the same"),
            ("", "bak/", "into itself: \"bak\" is in it"),
            ("a/", "a/b/c/", "into itself"),
            ("x/", "", "cannot copy \"x\" to the store: the source is in the target"),
            ("a/b/", "a/", "the source is in the target"),
        ] {
            let error = checked(from, to, &one, &[]).unwrap_err();
            assert!(error.contains(expected), "{from} {to}: {error}");
            checked(from, to, &other, &[]).unwrap();
        }
        for (from, to) in [("a/", "ab/"), ("ab/", "a/"), ("a/b/", "a/c/"), ("/a/", "a/")] {
            checked(from, to, &one, &[]).unwrap();
        }
        checked("", "bak/", &one, &["/bak/"]).unwrap();
    }

    #[test]
    fn a_network_of_this_machine_has_several_names() {
        assert_eq!(host("http://LOCALHOST:4943/"), host("http://127.0.0.1:4943"));
        assert_eq!(host("http://[::1]:1"), host("http://localhost:1"));
        assert_ne!(host("http://localhost:1"), host("http://localhost:2"));
        assert_ne!(host("https://localhost.example"), host("https://localhost"));
    }
}
