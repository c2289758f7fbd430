//! Settings and configuration.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use storage_wire::Wire;

use crate::limits::{
    MAX_STABLE_BYTES, MAX_UPLOAD_IDLE_NS, MAX_UPLOADS, MIN_CAPACITY_BYTES, MIN_UPLOAD_IDLE_NS,
};
use crate::{Error, Result};

/// Settings to change. An absent field leaves its setting unchanged. A canister refuses settings with an unknown field, or
/// with a field of another type, as a whole.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, Default, PartialEq, Eq)]
#[wire(strict)]
pub struct Settings {
    /// Limit on stable memory, in bytes: at least [`MIN_CAPACITY_BYTES`](crate::limits::MIN_CAPACITY_BYTES), at most the
    /// platform's 500 GiB, which is the default. A capacity below the memory in use stops growth; nothing is lost.
    pub capacity: Option<u64>,
    /// Whether everyone may call the methods that read. Off by default.
    pub public_read: Option<bool>,
    /// Limit on open uploads: 1 to [`MAX_UPLOADS`](crate::limits::MAX_UPLOADS), which is the default. Uploads that are open
    /// stay open.
    pub max_uploads: Option<u64>,
    /// Idle time after which an upload expires, in nanoseconds: [`MIN_UPLOAD_IDLE_NS`](crate::limits::MIN_UPLOAD_IDLE_NS)
    /// to [`MAX_UPLOAD_IDLE_NS`](crate::limits::MAX_UPLOAD_IDLE_NS). The default is
    /// [`UPLOAD_IDLE_NS`](crate::limits::UPLOAD_IDLE_NS). It also applies to uploads that are open.
    pub upload_idle_ns: Option<u64>,
}

impl Settings {
    /// Creates settings that change only the capacity, in bytes.
    #[must_use]
    pub fn capacity(bytes: u64) -> Self {
        Self { capacity: Some(bytes), ..Self::default() }
    }

    /// Checks that each given value is within its limits.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] with the first value that is not, and its limit.
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

/// Argument of install and upgrade, as `(opt InitArgs)`.
pub type InitArgs = Settings;

/// Current configuration. [`Settings`] explains the fields.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Limit on stable memory, in bytes.
    pub capacity: u64,
    /// Whether everyone may call the methods that read.
    pub public_read: bool,
    /// Limit on open uploads.
    pub max_uploads: u64,
    /// Idle time after which an upload expires, in nanoseconds.
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
