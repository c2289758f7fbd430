//! Locations that a command reads or writes: on this machine, in the current store, or in another store.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::text;

/// Name of the current store, before the colon of a location in it.
pub(crate) const CURRENT: &str = "store";

/// File, folder, object or prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// Standard input or output.
    Stream,
    /// Path on this machine.
    Local(PathBuf),
    /// Key or folder in a store.
    Store(StorePath),
}

/// Key or folder in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StorePath {
    pub(crate) store: StoreName,
    pub(crate) key: String,
}

/// Store of a location.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StoreName {
    /// The store that the settings select.
    Current,
    /// A store that storage.toml names.
    Named(String),
}

impl Location {
    /// Parses an argument: a dash is a stream, `NAME:KEY` is in a store, and anything else is a path. A name consists of
    /// letters, digits, dots, dashes and underscores, so a path with a slash before its first colon is not in a store.
    pub(crate) fn parse(argument: &OsStr) -> Result<Self> {
        if argument == "-" {
            return Ok(Self::Stream);
        }
        let bytes = argument.as_encoded_bytes();
        let name = bytes.split(|byte| *byte == b':').next().unwrap_or_default();
        let is_named = name.len() < bytes.len() && is_name(name);
        if !is_named {
            return Ok(Self::Local(argument.into()));
        }
        let text = argument.to_str().with_context(|| format!("{} is not UTF-8", text::name(argument)))?;
        let (name, key) = (&text[..name.len()], &text[name.len() + 1..]);
        let store = match name {
            CURRENT => StoreName::Current,
            name => StoreName::Named(name.to_owned()),
        };
        Ok(Self::Store(StorePath { store, key: key.to_owned() }))
    }

    /// Returns the store, if the location is in one.
    pub(crate) fn store(&self) -> Option<&StoreName> {
        match self {
            Self::Store(path) => Some(&path.store),
            Self::Stream | Self::Local(_) => None,
        }
    }

    /// Returns the path in a store, if the location is in one.
    pub(crate) fn path_in_store(&self) -> Option<&StorePath> {
        match self {
            Self::Store(path) => Some(path),
            Self::Stream | Self::Local(_) => None,
        }
    }

    /// Returns the argument that this is the location of.
    pub(crate) fn argument(&self) -> OsString {
        match self {
            Self::Stream => "-".into(),
            Self::Local(path) => path.into(),
            Self::Store(path) => path.to_string().into(),
        }
    }

    /// Returns the location for a message.
    pub(crate) fn shown(&self) -> String {
        text::name(&self.argument())
    }
}

impl StorePath {
    /// Returns whether this is a folder, as far as that is known without a call.
    pub(crate) fn is_certainly_folder(&self) -> bool {
        self.key.is_empty() || self.key.ends_with('/')
    }
}

impl std::fmt::Display for StorePath {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.store.name(), self.key)
    }
}

impl StoreName {
    fn name(&self) -> &str {
        match self {
            Self::Current => CURRENT,
            Self::Named(name) => name,
        }
    }

    /// Returns the text before the keys of this store in output: none for the current store.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Current => String::new(),
            Self::Named(name) => format!("{name}:"),
        }
    }
}

/// Returns whether a text can be the name of a store.
pub(crate) fn is_name(text: &[u8]) -> bool {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    !text.is_empty() && text.iter().all(is_of_name)
}

/// Returns whether a path ends with a slash, so that it names a folder.
pub(crate) fn ends_with_slash(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn parse(text: &str) -> Location {
        Location::parse(text.as_ref()).unwrap()
    }

    fn in_store(store: StoreName, key: &str) -> Location {
        Location::Store(StorePath { store, key: key.to_owned() })
    }

    /// A name before a colon is a store; a slash before the colon makes it a path.
    #[test]
    fn names_before_a_colon_are_stores() {
        let named = |name: &str| StoreName::Named(name.to_owned());
        for (text, expected) in [
            ("-", Location::Stream),
            ("store:", in_store(StoreName::Current, "")),
            ("store:a/b:c", in_store(StoreName::Current, "a/b:c")),
            ("backup:a", in_store(named("backup"), "a")),
            ("my-2.store_x:/a", in_store(named("my-2.store_x"), "/a")),
        ] {
            assert_eq!(parse(text), expected);
            assert_eq!(parse(text).argument(), text);
        }
        for path in ["a", "a/b", "./a:b", "./store:a", "/a:b", ":a", "a b:c", "", "--", "./-", "grü:a"] {
            assert_eq!(parse(path), Location::Local(path.into()), "{path}");
        }
    }

    /// A key must be UTF-8; a path need not be.
    #[test]
    fn keys_are_utf_8() {
        assert!(Location::parse(OsStr::from_bytes(b"store:gr\xfc\xdfe")).is_err());
        let path = OsStr::from_bytes(b"./gr\xfc\xdfe:a");
        assert_eq!(Location::parse(path).unwrap(), Location::Local(path.into()));
    }
}
