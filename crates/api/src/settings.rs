//! What can be set.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use storage_wire::Wire;

use crate::limits::{
    MAX_STABLE_BYTES, MAX_UPLOAD_IDLE_NS, MAX_UPLOADS, MIN_CAPACITY_BYTES, MIN_UPLOAD_IDLE_NS,
};
use crate::{Error, Result};

/// What an admin can set. Where a canister is sent one with a field that it does not know, or of another type, it refuses all
/// of it. A field that is absent keeps what is configured.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, Default, PartialEq, Eq)]
#[wire(strict)]
pub struct Settings {
    /// The most stable memory that the canister may grow to, in bytes. At least
    /// [`MIN_CAPACITY_BYTES`](crate::limits::MIN_CAPACITY_BYTES), and at most the platform's limit of 500 GiB, which holds
    /// where it was never set. A capacity below what is in use stops growth and loses nothing.
    pub capacity: Option<u64>,
    /// Whether everyone may call the methods that read. At first nobody may who has no role.
    pub public_read: Option<bool>,
    /// How many uploads can be open at once: 1 to [`MAX_UPLOADS`](crate::limits::MAX_UPLOADS), which it is at first.
    /// Uploads that are open stay open.
    pub max_uploads: Option<u64>,
    /// An upload expires when no chunk has arrived for so long, in nanoseconds:
    /// [`MIN_UPLOAD_IDLE_NS`](crate::limits::MIN_UPLOAD_IDLE_NS) to
    /// [`MAX_UPLOAD_IDLE_NS`](crate::limits::MAX_UPLOAD_IDLE_NS), and
    /// [`UPLOAD_IDLE_NS`](crate::limits::UPLOAD_IDLE_NS) at first. It holds for the uploads that are open, too.
    pub upload_idle_ns: Option<u64>,
}

impl Settings {
    /// Nothing but this capacity, in bytes.
    #[must_use]
    pub fn capacity(bytes: u64) -> Self {
        Self { capacity: Some(bytes), ..Self::default() }
    }

    /// Checks that each value that is given is within its limits.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] with the first value that is not, and the limit.
    pub fn check(&self) -> Result<()> {
        in_range("the capacity", self.capacity, MIN_CAPACITY_BYTES, MAX_STABLE_BYTES, "bytes")?;
        in_range("max_uploads", self.max_uploads, 1, MAX_UPLOADS, "uploads")?;
        let (least, most) = (MIN_UPLOAD_IDLE_NS, MAX_UPLOAD_IDLE_NS);
        in_range("upload_idle_ns", self.upload_idle_ns, least, most, "nanoseconds")
    }
}

fn in_range(what: &str, value: Option<u64>, least: u64, most: u64, unit: &str) -> Result<()> {
    match value {
        Some(value) if value < least => {
            Err(Error::invalid(format!("{what} is {value} {unit}; it must be at least {least}")))
        }
        Some(value) if value > most => {
            Err(Error::invalid(format!("{what} is {value} {unit}; it must be at most {most}")))
        }
        _ => Ok(()),
    }
}

/// The argument of install and upgrade, as `(opt InitArgs)`.
pub type InitArgs = Settings;

/// What is configured. [`Settings`] explains the fields.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The most stable memory to grow to, in bytes.
    pub capacity: u64,
    /// Whether everyone may call the methods that read.
    pub public_read: bool,
    /// How many uploads can be open at once.
    pub max_uploads: u64,
    /// An upload expires when no chunk has arrived for so long, in nanoseconds.
    pub upload_idle_ns: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_limits_on_both_sides() {
        type Setting = fn(u64) -> Settings;
        let settings: [(Setting, u64, u64); 3] = [
            (Settings::capacity, MIN_CAPACITY_BYTES, MAX_STABLE_BYTES),
            (|value| Settings { max_uploads: Some(value), ..Settings::default() }, 1, MAX_UPLOADS),
            (
                |value| Settings { upload_idle_ns: Some(value), ..Settings::default() },
                MIN_UPLOAD_IDLE_NS,
                MAX_UPLOAD_IDLE_NS,
            ),
        ];
        for (setting, least, most) in settings {
            assert_eq!((setting(least).check(), setting(most).check()), (Ok(()), Ok(())));
            for bad in [least - 1, most + 1, u64::MAX] {
                let error = setting(bad).check().unwrap_err().to_string();
                assert!(
                    error.starts_with("invalid argument: ") && error.contains(&bad.to_string()),
                    "{error}"
                );
            }
        }
        assert_eq!(Settings::default().check(), Ok(()));
    }
}
