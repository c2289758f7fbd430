//! What an admin can set. It is in the header.

use ic_stable_structures::Memory;
use stable_storage_api::{Config, Error, Settings};

use super::Store;
use crate::core::header::Header;

impl<M: Memory + Clone> Store<M> {
    /// What is configured.
    #[must_use]
    pub fn config(&self) -> Config {
        self.core.header().config
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
        // What is configured already is not checked: a damaged value must not keep others from being set.
        settings.check()?;
        if config != now {
            self.core.set_header(Header { config, ..self.core.header() });
        }
        Ok(config)
    }
}
