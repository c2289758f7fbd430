//! The keys that sign requests.

use std::{
    collections::BTreeMap,
    fs::Metadata,
    io::{self, Read},
    path::Path,
};

use s3s::{
    S3Result,
    auth::{S3Auth, SecretKey},
    s3_error,
};
use serde::Deserialize;
use stable_storage_api::Role;

/// Access keys with their secrets and roles.
///
/// The file is TOML, with a table for each key:
///
/// ```toml
/// [[key]]
/// access_key = "AKIDBACKUP"
/// secret_key = "a long random text"
/// role = "writer"
/// ```
///
/// A `reader` can read and list objects; a `writer` can do everything else as well. `admin` is the same as `writer`, because
/// the operations of S3 that would need more are not supported.
#[derive(Clone)]
pub struct Credentials {
    keys: BTreeMap<String, Secret>,
}

#[derive(Clone)]
struct Secret {
    key: SecretKey,
    role: Role,
}

/// Reason why a credentials file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// The path of the file.
        path: String,
        /// What failed.
        #[source]
        error: io::Error,
    },
    /// Everyone on the machine can read or change the file, or its group can change it.
    #[error("others can read or change {path}, which has mode {mode:04o}; run chmod 600 {path}")]
    Exposed {
        /// The path of the file.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// The file is not TOML with a table `[[key]]` for each key.
    #[error("cannot parse the credentials: {0}")]
    Parse(#[from] toml::de::Error),
    /// There is no key, so that no request could be signed.
    #[error("the credentials have no key; add one with [[key]], access_key, secret_key and role")]
    Empty,
    /// An access key or secret is too short, or an access key has a character that it cannot have in a request.
    #[error("key {access_key:?}: {what}")]
    Key {
        /// The access key.
        access_key: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    key: Vec<Key>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    access_key: String,
    secret_key: String,
    role: NamedRole,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NamedRole {
    Reader,
    Writer,
    Admin,
}

/// The shortest secret, in bytes.
const MIN_SECRET_BYTES: usize = 16;

impl Credentials {
    /// Reads a credentials file.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn read(path: &Path) -> Result<Self, CredentialsError> {
        let failed = |error| CredentialsError::Read { path: path.display().to_string(), error };
        let mut file = std::fs::File::open(path).map_err(failed)?;
        check_mode(path, &file.metadata().map_err(failed)?)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        Self::parse(&text)
    }

    /// Parses the text of a credentials file.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn parse(text: &str) -> Result<Self, CredentialsError> {
        let mut keys = BTreeMap::new();
        for Key { access_key, secret_key, role } in toml::from_str::<File>(text)?.key {
            let is_text = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            let what = match () {
                () if access_key.is_empty() => Some("an access key has at least one character"),
                () if !access_key.bytes().all(is_text) => {
                    Some("an access key has letters, digits, -, _ and .")
                }
                () if secret_key.len() < MIN_SECRET_BYTES => Some("a secret key has at least 16 bytes"),
                () if keys.contains_key(&access_key) => Some("the access key occurs twice"),
                () => None,
            };
            if let Some(what) = what {
                return Err(CredentialsError::Key { access_key, what });
            }
            let role = match role {
                NamedRole::Reader => Role::Reader,
                NamedRole::Writer => Role::Writer,
                NamedRole::Admin => Role::Admin,
            };
            keys.insert(access_key, Secret { key: SecretKey::from(secret_key), role });
        }
        if keys.is_empty() { Err(CredentialsError::Empty) } else { Ok(Self { keys }) }
    }

    /// Returns the role of an access key.
    pub(crate) fn role(&self, access_key: &str) -> Option<Role> {
        self.keys.get(access_key).map(|secret| secret.role)
    }
}

/// Checks that a file with secrets is not open to everyone. A group may read it, as where a container gets its secrets.
#[cfg(unix)]
fn check_mode(path: &Path, metadata: &Metadata) -> Result<(), CredentialsError> {
    use std::os::unix::fs::PermissionsExt;

    let mode = metadata.permissions().mode() & 0o777;
    match metadata.is_file() && mode & 0o027 != 0 {
        true => Err(CredentialsError::Exposed { path: path.display().to_string(), mode }),
        false => Ok(()),
    }
}

#[cfg(not(unix))]
fn check_mode(_path: &Path, _metadata: &Metadata) -> Result<(), CredentialsError> {
    Ok(())
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the secrets.
        formatter.debug_set().entries(self.keys.keys()).finish()
    }
}

#[async_trait::async_trait]
impl S3Auth for Credentials {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let secret = self.keys.get(access_key).ok_or_else(|| s3_error!(InvalidAccessKeyId))?;
        Ok(secret.key.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "[[key]]\naccess_key = \"ONE\"\nsecret_key = \"0123456789abcdef\"\nrole = \"reader\"\n";

    #[test]
    fn each_key_has_its_role_and_secrets_are_not_shown() {
        let text = format!("{KEY}{}", KEY.replace("ONE", "TWO").replace("reader", "writer"));
        let credentials = Credentials::parse(&text).unwrap();
        assert_eq!(credentials.role("ONE"), Some(Role::Reader));
        assert_eq!(credentials.role("TWO"), Some(Role::Writer));
        assert_eq!(credentials.role("THREE"), None);
        assert_eq!(format!("{credentials:?}"), r#"{"ONE", "TWO"}"#);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_open_to_others_is_refused() {
        use std::os::unix::fs::PermissionsExt;

        let path = std::env::temp_dir().join(format!("storage-s3-mode-{}.toml", std::process::id()));
        std::fs::write(&path, KEY).unwrap();
        let read = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Credentials::read(&path).map(drop)
        };
        for mode in [0o600, 0o400, 0o440] {
            read(mode).unwrap();
        }
        for mode in [0o644, 0o604, 0o660, 0o602] {
            let error = read(mode).unwrap_err().to_string();
            assert!(error.contains(&format!("{mode:04o}")) && error.contains("chmod 600"), "{error}");
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_meant_is_refused() {
        let parse = |text: &str| Credentials::parse(text).map(drop).unwrap_err().to_string();
        assert!(parse("").contains("no key"));
        assert!(parse("[[key]]").contains("access_key"));
        assert!(parse(&KEY.replace("reader", "owner")).contains("owner"));
        assert!(parse(&format!("{KEY}bucket = \"a\"\n")).contains("bucket"));
        assert!(parse(&KEY.replace("ONE", "")).contains("at least one"));
        assert!(parse(&KEY.replace("ONE", "A/B")).contains("letters"));
        assert!(parse(&KEY.replace("abcdef", "")).contains("16 bytes"));
        assert!(parse(&format!("{KEY}{KEY}")).contains("twice"));
    }
}
