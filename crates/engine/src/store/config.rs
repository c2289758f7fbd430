//! The configuration that an admin can change. It is stored in the header.

use ic_stable_structures::Memory;
use stable_storage_api::{Config, Error, Settings};

use super::Store;
use crate::core::header::Header;

impl<M: Memory + Clone> Store<M> {
    /// Returns the configuration.
    #[must_use]
    pub fn config(&self) -> Config {
        self.core.header().config
    }

    /// Sets the fields that are given, and keeps the others.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a value outside its limits; no field is set in that case. A capacity
    /// below the current use is allowed: it stops growth and deletes nothing.
    pub fn configure(&mut self, settings: &Settings) -> Result<Config, Error> {
        let now = self.config();
        let config = Config {
            capacity: settings.capacity.unwrap_or(now.capacity),
            public_read: settings.public_read.unwrap_or(now.public_read),
            max_uploads: settings.max_uploads.unwrap_or(now.max_uploads),
            upload_idle_ns: settings.upload_idle_ns.unwrap_or(now.upload_idle_ns),
        };
        // The current configuration is not checked, so that a corrupt value does not prevent setting the
        // others.
        settings.check()?;
        if config != now {
            self.core.set_header(Header { config, ..self.core.header() });
        }
        Ok(config)
    }
}
