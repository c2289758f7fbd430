//! Calls for operators: status, settings, roles and metrics.

use candid::Principal;
use stable_storage_api::{Config, Grant, HttpRequest, HttpResponse, Role, Settings, Status, check};

use crate::{Client, Result, Transport, call::method};

impl<T: Transport> Client<T> {
    /// Returns the state of the canister.
    pub async fn status(&self) -> Result<Status> {
        self.call(method!("status"), ()).await
    }

    /// Changes the settings that are given, and returns the new configuration.
    pub async fn configure(&self, settings: &Settings) -> Result<Config> {
        self.check("configure", || settings.check())?;
        self.call(method!("configure"), (settings,)).await
    }

    /// Returns the configuration.
    pub async fn get_config(&self) -> Result<Config> {
        self.call(method!("get_config"), ()).await
    }

    /// Sets the role of a principal, or removes it with `None`.
    pub async fn set_role(&self, who: Principal, role: Option<Role>) -> Result<()> {
        self.check("set_role", || check::role(&who, role))?;
        self.call(method!("set_role"), (who, role)).await
    }

    /// Returns all principals with a role.
    pub async fn list_roles(&self) -> Result<Vec<Grant>> {
        self.call(method!("list_roles"), ()).await
    }

    /// Returns the canister's response to an HTTP gateway.
    pub async fn http_request(&self, request: &HttpRequest) -> Result<HttpResponse> {
        let (response,) = self.call_plain(method!("http_request"), (request,)).await?;
        Ok(response)
    }
}
