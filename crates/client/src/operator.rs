//! Calls for whoever runs the canister: its state, its settings, its roles and its metrics.

use candid::Principal;
use stable_storage_api::{Config, Grant, HttpRequest, HttpResponse, Role, Settings, Status, check};

use crate::{Client, Result, Transport, call::Kind};

impl<T: Transport> Client<T> {
    /// The state of the canister at a glance.
    pub async fn status(&self) -> Result<Status> {
        self.call(Kind::Query, "status", ()).await
    }

    /// Sets what is given, and answers what is configured then.
    pub async fn configure(&self, settings: &Settings) -> Result<Config> {
        self.check("configure", || settings.check())?;
        self.call(Kind::Update, "configure", (settings,)).await
    }

    /// What is configured.
    pub async fn get_config(&self) -> Result<Config> {
        self.call(Kind::Query, "get_config", ()).await
    }

    /// Gives a principal a role in place of the one that it has, or takes it away.
    pub async fn set_role(&self, who: Principal, role: Option<Role>) -> Result<()> {
        self.check("set_role", || check::role(&who, role))?;
        self.call(Kind::Update, "set_role", (who, role)).await
    }

    /// All principals that have been given a role.
    pub async fn list_roles(&self) -> Result<Vec<Grant>> {
        self.call(Kind::Query, "list_roles", ()).await
    }

    /// What the canister answers to a gateway of HTTP.
    pub async fn http_request(&self, request: &HttpRequest) -> Result<HttpResponse> {
        let (response,) = self.call_plain(Kind::Query, "http_request", (request,)).await?;
        Ok(response)
    }
}
