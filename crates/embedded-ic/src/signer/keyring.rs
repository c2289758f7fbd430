//! Where the keys of a host are: nowhere until they are first used, then in memory, and in a folder in a file.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::Signer;
use super::keys::Keys;
use crate::error::HostError;
use crate::folder::{KEYS, write_whole};

/// The keys of a host, which are made on first use.
#[derive(Default)]
pub(crate) struct Keyring {
    folder: Option<Place>,
    signer: Mutex<Option<Arc<Signer>>>,
}

struct Place {
    folder: PathBuf,
    is_writable: bool,
}

impl Keyring {
    /// The keys of a folder.
    pub(crate) fn in_folder(folder: PathBuf, is_writable: bool) -> Self {
        Self { folder: Some(Place { folder, is_writable }), signer: Mutex::default() }
    }

    /// The keys, which are made and kept if there are none.
    ///
    /// # Errors
    /// `ReadOnly` if there are none and the folder is only read; `Damaged`, `UnknownVersion`, `Io`.
    pub(crate) fn signer(&self) -> Result<Arc<Signer>, HostError> {
        let mut signer = self.signer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signer) = &*signer {
            return Ok(Arc::clone(signer));
        }
        let keys = match &self.folder {
            Some(place) => place.keys()?,
            None => Keys::random()?,
        };
        Ok(Arc::clone(signer.insert(Arc::new(Signer::new(keys)))))
    }
}

impl Place {
    fn keys(&self) -> Result<Keys, HostError> {
        let path = self.folder.join(KEYS);
        match std::fs::read(&path) {
            Ok(bytes) => Keys::decode(&path, &bytes),
            Err(error) if error.kind() == ErrorKind::NotFound && self.is_writable => {
                let keys = Keys::random()?;
                write_whole(&path, &keys.encode())?;
                Ok(keys)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(HostError::ReadOnly { path: self.folder.clone() })
            }
            Err(error) => Err(HostError::io(format!("read {}", path.display()))(error)),
        }
    }
}
