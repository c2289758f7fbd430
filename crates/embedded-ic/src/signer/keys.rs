//! The secret keys, and the file of a state folder that keeps them.
//!
//! # Layout v1
//! | bytes | content |
//! |---|---|
//! | 8 | magic `EICKEYS` and a zero |
//! | 4 | version |
//! | 4 | reserved, zero |
//! | 32 | secret root key, BLS12-381, big-endian |
//! | 32 | secret key of the node, Ed25519 |
//! | 4 | CRC-32 of everything before |

use std::path::Path;

use ed25519_dalek::SigningKey;
use ic_verify_bls_signature::PrivateKey;

use crate::error::HostError;

const MAGIC: &[u8; 8] = b"EICKEYS\0";
const VERSION: u32 = 1;
const VERSION_AT: usize = MAGIC.len();
const ROOT_AT: usize = VERSION_AT + 8;
const NODE_AT: usize = ROOT_AT + PrivateKey::BYTES;
const CRC_AT: usize = NODE_AT + ed25519_dalek::SECRET_KEY_LENGTH;
const LEN: usize = CRC_AT + 4;
const _: () = assert!(LEN == 84);

/// The secret keys of a network of one subnet with one node.
pub(super) struct Keys {
    pub(super) root: PrivateKey,
    pub(super) node: SigningKey,
}

impl Keys {
    /// New keys from the randomness of the operating system.
    pub(super) fn random() -> Result<Self, HostError> {
        let root = loop {
            let bytes = random()?;
            // About every second number is too large to be a key.
            if let Ok(root) = PrivateKey::deserialize(&bytes) {
                break root;
            }
        };
        Ok(Self { root, node: SigningKey::from_bytes(&random()?) })
    }

    pub(super) fn encode(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[..VERSION_AT].copy_from_slice(MAGIC);
        bytes[VERSION_AT..VERSION_AT + 4].copy_from_slice(&VERSION.to_le_bytes());
        bytes[ROOT_AT..NODE_AT].copy_from_slice(&self.root.serialize());
        bytes[NODE_AT..CRC_AT].copy_from_slice(self.node.as_bytes());
        let crc = crc32fast::hash(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The keys of a file.
    ///
    /// # Errors
    /// `Damaged`, or `UnknownVersion`.
    pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Self, HostError> {
        let damaged = |offset: usize, what: &str| HostError::Damaged {
            path: path.to_owned(),
            offset: offset as u64,
            what: what.to_owned(),
        };
        if !bytes.starts_with(MAGIC) {
            return Err(damaged(0, "it is not a file of keys"));
        }
        let number =
            |at: usize| bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_le_bytes);
        match number(VERSION_AT) {
            Some(VERSION) => {}
            Some(found) => {
                return Err(HostError::UnknownVersion { path: path.to_owned(), found, known: VERSION });
            }
            None => return Err(damaged(bytes.len(), "the file ends in its header")),
        }
        if bytes.len() != LEN {
            return Err(damaged(bytes.len().min(LEN), "the file has a wrong length"));
        }
        if number(CRC_AT) != Some(crc32fast::hash(&bytes[..CRC_AT])) {
            return Err(damaged(CRC_AT, "the checksum does not match"));
        }
        let root = PrivateKey::deserialize(&bytes[ROOT_AT..NODE_AT])
            .map_err(|_| damaged(ROOT_AT, "the root key is not a number below the order of the curve"))?;
        let node = bytes[NODE_AT..CRC_AT].try_into().expect("the slice has the length of a key");
        Ok(Self { root, node: SigningKey::from_bytes(node) })
    }
}

fn random() -> Result<[u8; 32], HostError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| HostError::io("get random bytes for a key")(std::io::Error::other(error)))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys {
            root: PrivateKey::deserialize(&[0x11; 32]).unwrap(),
            node: SigningKey::from_bytes(&[0x22; 32]),
        }
    }

    #[test]
    fn the_file_is_laid_out_as_its_picture_says() {
        let mut expected = b"EICKEYS\0\x01\0\0\0\0\0\0\0".to_vec();
        expected.extend([0x11; 32]);
        expected.extend([0x22; 32]);
        expected.extend(crc32fast::hash(&expected).to_le_bytes());
        assert_eq!(keys().encode()[..], expected);
    }

    #[test]
    fn a_file_with_a_changed_byte_is_refused() {
        let path = Path::new("keys.bin");
        let sound = keys().encode();
        assert_eq!(Keys::decode(path, &sound).unwrap().encode(), sound);
        for at in 0..LEN {
            let mut bad = sound;
            bad[at] ^= 1;
            assert!(Keys::decode(path, &bad).is_err(), "byte {at}");
            assert!(Keys::decode(path, &sound[..at]).is_err(), "{at} bytes");
        }
        assert!(Keys::decode(path, &[&sound[..], &[0]].concat()).is_err());
    }

    #[test]
    fn a_root_key_beyond_the_order_of_the_curve_is_refused() {
        let mut bytes = keys().encode();
        bytes[ROOT_AT..NODE_AT].fill(0xff);
        let crc = crc32fast::hash(&bytes[..CRC_AT]).to_le_bytes();
        bytes[CRC_AT..].copy_from_slice(&crc);
        let error = Keys::decode(Path::new("keys.bin"), &bytes).err().expect("the key is invalid");
        assert!(error.to_string().contains("root key"), "{error}");
    }

    #[test]
    fn random_keys_differ() {
        assert_ne!(Keys::random().unwrap().encode(), Keys::random().unwrap().encode());
    }
}
