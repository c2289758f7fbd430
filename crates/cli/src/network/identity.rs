//! Identity of the caller: a key file, or an identity of icp or dfx.

use std::{
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::Value;
use storage_client::AgentIdentity;

use super::in_home;
use crate::{failure::with_help, text};

const ANONYMOUS: &str = "anonymous";

/// Returns whether the text is a path rather than the name of an identity.
pub(crate) fn is_path(identity: &str) -> bool {
    identity.contains(['/', '\\']) || Path::new(identity).extension().is_some_and(|end| end == "pem")
}

/// Returns the names of all identities.
pub(crate) fn names() -> Vec<String> {
    let mut names: Vec<_> = Keys::of_user().all().into_iter().map(|(name, _)| name).collect();
    names.push(ANONYMOUS.to_owned());
    names.sort();
    names.dedup();
    names
}

/// Loads the identity given by `--identity`.
pub(super) fn load(identity: &str) -> Result<AgentIdentity> {
    if identity == ANONYMOUS {
        return Ok(AgentIdentity::Anonymous);
    }
    if is_path(identity) || Path::new(identity).is_file() {
        return pem(Path::new(identity)).map(AgentIdentity::Pem);
    }
    Keys::of_user().load(identity).map(AgentIdentity::Pem)
}

fn pem(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("cannot read the identity {}", text::path(file)))
}

/// Program that manages identities.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Program {
    Icp,
    Dfx,
}

impl Program {
    const ALL: [Self; 2] = [Self::Icp, Self::Dfx];

    fn name(self) -> &'static str {
        match self {
            Self::Icp => "icp",
            Self::Dfx => "dfx",
        }
    }
}

/// Folders of the programs' keys.
struct Keys {
    icp: Option<PathBuf>,
    dfx: Option<PathBuf>,
}

impl Keys {
    /// Returns the folders of this user, as documented by the programs.
    fn of_user() -> Self {
        let folder = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let data = match cfg!(target_os = "macos") {
            true => in_home("Library/Application Support/org.dfinity.icp-cli"),
            false => {
                folder("XDG_DATA_HOME").or_else(|| in_home(".local/share")).map(|data| data.join("icp-cli"))
            }
        };
        let icp = folder("ICP_HOME").or(data).map(|data| data.join("identity"));
        let root = folder("DFX_CONFIG_ROOT").or_else(|| in_home(""));
        Self { icp, dfx: root.map(|root| root.join(".config/dfx/identity")) }
    }

    /// Loads the key of an identity. `icp:NAME` and `dfx:NAME` select the program.
    fn load(&self, identity: &str) -> Result<Vec<u8>> {
        let named = Program::ALL.into_iter().find_map(|program| {
            let name = identity.strip_prefix(program.name())?.strip_prefix(':')?;
            Some((program, name))
        });
        let name = named.map_or(identity, |(_, name)| name);
        let mut found = Vec::new();
        for program in Program::ALL {
            if named.is_none_or(|(of, _)| of == program)
                && let Some(key) = self.key(program, name)
            {
                found.push((program, key));
            }
        }
        // An unusable key of one program does not hide a usable one of the other.
        if found.iter().any(|(_, key)| key.is_ok()) {
            found.retain(|(_, key)| key.is_ok());
        }
        let mut keys = found.into_iter();
        match (keys.next(), keys.next()) {
            (Some((_, Ok(key))), Some((_, Ok(other)))) if key != other => Err(with_help(
                format!("icp and dfx have different identities {name:?}"),
                format!("give icp:{name} or dfx:{name}"),
            )),
            (Some((_, key)), _) => key,
            (None, _) => Err(with_help(
                format!("there is no identity and no file {identity:?}"),
                format!("known identities: {}anonymous", self.known()),
            )),
        }
    }

    /// Loads the key of an identity of a program, or returns why it is unusable; `None` if there is no such identity.
    fn key(&self, program: Program, name: &str) -> Option<Result<Vec<u8>>> {
        match program {
            Program::Icp => self.key_of_icp(name),
            Program::Dfx => self.key_of_dfx(name),
        }
    }

    fn key_of_icp(&self, name: &str) -> Option<Result<Vec<u8>>> {
        let folder = self.icp.as_deref()?;
        let list = match list_of_icp(folder) {
            Ok(list) => list,
            Err(error) => return Some(Err(error)),
        };
        let identity = list["identities"].get(name)?;
        let (kind, format) = (identity["kind"].as_str(), identity["format"].as_str());
        Some(match (kind, format) {
            (Some("pem"), None | Some("plaintext")) => pem(&folder.join("keys").join(format!("{name}.pem"))),
            (Some("pem"), _) => Err(must_be_exported(Program::Icp, name, "is protected by a password")),
            (Some("keyring"), _) => Err(must_be_exported(Program::Icp, name, "is in the keyring")),
            (kind, _) => Err(with_help(
                format!(
                    "the identity {name:?} of icp has the kind {}, which has no key file",
                    kind.unwrap_or("?")
                ),
                "create one with: icp identity new NAME --storage plaintext",
            )),
        })
    }

    fn key_of_dfx(&self, name: &str) -> Option<Result<Vec<u8>>> {
        let folder = self.dfx.as_deref()?.join(name);
        let plain = folder.join("identity.pem");
        if plain.is_file() {
            return Some(pem(&plain));
        }
        if folder.join("identity.pem.encrypted").is_file() {
            return Some(Err(must_be_exported(Program::Dfx, name, "is protected by a password")));
        }
        let is_kept = folder.join("identity.json").is_file();
        is_kept
            .then(|| Err(must_be_exported(Program::Dfx, name, "is in the keyring or on a security module")))
    }

    /// Returns the names of all identities with their programs.
    fn all(&self) -> Vec<(String, Program)> {
        let icp = self.icp.as_deref().and_then(|folder| list_of_icp(folder).ok());
        let icp = icp.as_ref().and_then(|list| list["identities"].as_object());
        let icp = icp.into_iter().flat_map(|list| list.keys()).filter(|name| *name != ANONYMOUS);
        let mut names: Vec<_> = icp.map(|name| (name.clone(), Program::Icp)).collect();
        let dfx = self.dfx.as_deref().and_then(|folder| fs::read_dir(folder).ok());
        for entry in dfx.into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
            names.push((entry.file_name().to_string_lossy().into_owned(), Program::Dfx));
        }
        names.sort_by(|one, other| one.0.cmp(&other.0));
        names
    }

    /// Returns the names for an error message, each followed by a comma.
    fn known(&self) -> String {
        self.all().iter().map(|(name, program)| format!("{name} ({}), ", program.name())).collect()
    }
}

fn list_of_icp(folder: &Path) -> Result<Value> {
    let file = folder.join("identity_list.json");
    match fs::read(&file) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).with_context(|| format!("{} cannot be parsed", text::path(&file)))
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Value::Null)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", text::path(&file))),
    }
}

fn must_be_exported(program: Program, name: &str, why: &str) -> anyhow::Error {
    let program = program.name();
    with_help(
        format!("the key of the identity {name:?} of {program} {why}"),
        format!("export it to a file: (umask 077; {program} identity export {name} >{name}.pem)"),
    )
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::testing::folder_of;
    use super::*;
    use crate::failure::printed;

    /// Creates folders of icp and dfx with these files.
    fn keys(files: &[(&str, &str)]) -> (TempDir, Keys) {
        let folder = folder_of(files);
        let keys = Keys { icp: Some(folder.path().join("icp")), dfx: Some(folder.path().join("dfx")) };
        (folder, keys)
    }

    const LIST: &str = r#"{"v": 1, "identities": {
        "anonymous": {"kind": "anonymous"},
        "alice": {"kind": "pem", "format": "plaintext", "algorithm": "secp256k1", "principal": "2vxsx-fae"},
        "locked": {"kind": "pem", "format": "pbes2", "algorithm": "secp256k1", "principal": "2vxsx-fae"},
        "ring": {"kind": "keyring", "algorithm": "secp256k1", "principal": "2vxsx-fae"},
        "card": {"kind": "hsm", "principal": "2vxsx-fae", "module": "m", "slot": 0, "key-id": "1"}}}"#;

    #[test]
    fn names_of_icp_and_dfx_are_found() {
        let files = [
            ("icp/identity_list.json", LIST),
            ("icp/keys/alice.pem", "of icp"),
            ("dfx/bob/identity.pem", "of dfx"),
        ];
        let (_folder, keys) = keys(&files);
        assert_eq!(keys.load("alice").unwrap(), b"of icp");
        assert_eq!(keys.load("icp:alice").unwrap(), b"of icp");
        assert_eq!(keys.load("bob").unwrap(), b"of dfx");
        let said = printed(&keys.load("carol").unwrap_err());
        assert!(said.contains("\"carol\"") && said.contains("alice (icp), bob (dfx), "), "{said}");
        assert!(keys.load("dfx:alice").is_err());
    }

    #[test]
    fn equal_names_need_a_prefix() {
        let files = [
            ("icp/identity_list.json", LIST),
            ("icp/keys/alice.pem", "one"),
            ("dfx/alice/identity.pem", "other"),
        ];
        let (_folder, keys) = keys(&files);
        assert!(printed(&keys.load("alice").unwrap_err()).contains("icp:alice or dfx:alice"));
        assert_eq!(keys.load("dfx:alice").unwrap(), b"other");
    }

    #[test]
    fn unusable_key_names_the_export_command() {
        let files = [
            ("icp/identity_list.json", LIST),
            ("dfx/old/identity.pem.encrypted", "?"),
            ("dfx/new/identity.json", "{}"),
            ("dfx/ring/identity.pem", "the same name, and a file"),
        ];
        let (_folder, keys) = keys(&files);
        for (name, program) in [("locked", "icp"), ("icp:ring", "icp"), ("old", "dfx"), ("new", "dfx")] {
            let said = printed(&keys.load(name).unwrap_err());
            let name = name.trim_start_matches("icp:");
            assert!(said.contains(&format!("{program} identity export {name} >{name}.pem")), "{said}");
        }
        assert!(keys.load("card").unwrap_err().to_string().contains("kind hsm"));
        assert_eq!(keys.load("ring").unwrap(), b"the same name, and a file");
    }

    #[test]
    fn paths_differ_from_names() {
        for path in ["me.pem", "./me", "keys/me", "/me"] {
            assert!(is_path(path), "{path}");
        }
        for name in ["me", "icp:me", "me.key"] {
            assert!(!is_path(name), "{name}");
        }
    }
}
