//! What an admin can set. It is in the header.

use ic_stable_structures::Memory;
use storage_api::limits::{
    MAX_STABLE_BYTES, MAX_UPLOAD_IDLE_NS, MAX_UPLOADS, MIN_CAPACITY_BYTES, MIN_UPLOAD_IDLE_NS,
};
use storage_api::{Config, Error, Settings};

use crate::header::Header;
use crate::store::Store;

impl<M: Memory + Clone> Store<M> {
    /// What is configured.
    #[must_use]
    pub fn config(&self) -> Config {
        self.header.config
    }

    /// Sets what is given, and keeps what is not.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a value outside of its limits; nothing is set then. A capacity below what is in use is
    /// allowed: it stops growth and loses nothing.
    pub fn configure(&mut self, settings: &Settings) -> Result<Config, Error> {
        let now = self.config();
        let config = Config {
            capacity: settings.capacity.unwrap_or(now.capacity),
            public_read: settings.public_read.unwrap_or(now.public_read),
            max_uploads: settings.max_uploads.unwrap_or(now.max_uploads),
            upload_idle_ns: settings.upload_idle_ns.unwrap_or(now.upload_idle_ns),
        };
        check(settings)?;
        if config != now {
            self.write_header(Header { config, ..self.header });
        }
        Ok(config)
    }
}

/// Checks what is given. What is configured already need not be checked, and a damaged value must not keep others from
/// being set.
fn check(settings: &Settings) -> Result<(), Error> {
    in_range("the capacity", settings.capacity, MIN_CAPACITY_BYTES, MAX_STABLE_BYTES, "bytes")?;
    in_range("max_uploads", settings.max_uploads, 1, MAX_UPLOADS, "uploads")?;
    let (least, most) = (MIN_UPLOAD_IDLE_NS, MAX_UPLOAD_IDLE_NS);
    in_range("upload_idle_ns", settings.upload_idle_ns, least, most, "nanoseconds")
}

fn in_range(what: &str, value: Option<u64>, least: u64, most: u64, unit: &str) -> Result<(), Error> {
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
