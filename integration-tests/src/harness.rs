//! Storage canister on a replica, with methods named after the actions.

use candid::Principal;
use stable_storage_api::InitArgs;
use storage_client::{Client, EmbeddedTransport, TransportError};
use storage_wasm::STORAGE_WASM;

use crate::replica::{InstallMode, Replica, ReplicaTransport};

/// Client of either replica.
pub type SuiteClient = Client<ReplicaTransport>;

/// Returns the principal that controls the canister of every test.
pub fn controller() -> Principal {
    Principal::self_authenticating(b"integration tests: the controller")
}

/// Returns a second principal that controls the canister of every test.
pub fn second_controller() -> Principal {
    Principal::self_authenticating(b"integration tests: the second controller")
}

/// Returns a principal without any rights.
pub fn stranger() -> Principal {
    Principal::self_authenticating(b"integration tests: a stranger")
}

/// Encodes the argument of an install or upgrade of the storage canister.
pub fn init_args(args: Option<InitArgs>) -> Vec<u8> {
    candid::encode_one(args).expect("init arguments can always be encoded")
}

/// Canister on a separate replica.
pub struct Harness {
    replica: Replica,
}

impl Harness {
    /// Installs a storage canister without settings.
    pub async fn start() -> Self {
        Self::start_installed(STORAGE_WASM, init_args(None)).await
    }

    /// Installs a storage canister with these settings.
    pub async fn start_with(args: InitArgs) -> Self {
        Self::start_installed(STORAGE_WASM, init_args(Some(args))).await
    }

    /// Installs a storage canister with this capacity in bytes.
    pub async fn start_with_capacity(capacity_bytes: u64) -> Self {
        Self::start_with(InitArgs::capacity(capacity_bytes)).await
    }

    /// Installs a storage canister on this embedded host, whichever replica the suite runs on. The host's canister must have no
    /// module.
    pub async fn start_on_embedded(transport: EmbeddedTransport) -> Self {
        let harness = Self { replica: Replica::Embedded(transport) };
        let installed = harness.install(InstallMode::Install, STORAGE_WASM, init_args(None)).await;
        installed.expect("a module can be installed into an empty canister");
        harness
    }

    /// Installs a canister of any module.
    pub async fn start_installed(wasm: &[u8], arg: Vec<u8>) -> Self {
        let harness = Self::start_empty().await;
        let installed = harness.install(InstallMode::Install, wasm, arg).await;
        installed.expect("a module can be installed into an empty canister");
        harness
    }

    /// Creates a canister without a module.
    pub async fn start_empty() -> Self {
        Self { replica: Replica::start(vec![controller(), second_controller()]).await }
    }

    /// Returns the replica.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// Returns a client that calls as the controller.
    pub fn client(&self) -> SuiteClient {
        self.client_as(controller())
    }

    /// Returns a client that calls as any principal, without its own checks.
    pub fn client_as(&self, sender: Principal) -> SuiteClient {
        Client::new(self.transport(sender)).without_checks()
    }

    /// Returns a transport that calls as any principal, for tests that send what no client would.
    pub fn transport(&self, sender: Principal) -> ReplicaTransport {
        self.replica.transport(sender)
    }

    /// Makes an install call as the controller. The embedded host returns its cost in instructions.
    pub async fn install(
        &self,
        mode: InstallMode,
        wasm: &[u8],
        arg: Vec<u8>,
    ) -> Result<Option<u64>, TransportError> {
        self.replica.install(mode, wasm, arg).await
    }

    /// Upgrades to the same module and keeps the settings. Returns the instructions on the embedded host.
    pub async fn upgrade(&self) -> Option<u64> {
        let upgraded = self.install(InstallMode::Upgrade, STORAGE_WASM, init_args(None)).await;
        upgraded.expect("the storage canister can be upgraded")
    }

    /// Upgrades like [`upgrade`](Self::upgrade), without running `pre_upgrade`.
    pub async fn upgrade_skipping_pre_upgrade(&self) -> Option<u64> {
        let mode = InstallMode::UpgradeSkippingPreUpgrade;
        let upgraded = self.install(mode, STORAGE_WASM, init_args(None)).await;
        upgraded.expect("the storage canister can be upgraded without pre_upgrade")
    }

    /// Upgrades to the same module with these settings.
    pub async fn upgrade_with(&self, args: InitArgs) -> Result<Option<u64>, TransportError> {
        self.install(InstallMode::Upgrade, STORAGE_WASM, init_args(Some(args))).await
    }

    /// Upgrades to any module.
    pub async fn upgrade_to(&self, wasm: &[u8]) -> Result<Option<u64>, TransportError> {
        self.install(InstallMode::Upgrade, wasm, init_args(None)).await
    }

    /// Reinstalls the storage canister with these settings, dropping all data.
    pub async fn reinstall_with(&self, args: InitArgs) -> Result<Option<u64>, TransportError> {
        self.install(InstallMode::Reinstall, STORAGE_WASM, init_args(Some(args))).await
    }

    /// Returns all of the canister's stable memory.
    pub async fn stable_memory(&self) -> Vec<u8> {
        self.replica.stable_memory().await
    }

    /// Returns the lines of the canister's log.
    pub async fn log_lines(&self) -> Vec<String> {
        self.replica.log_lines().await
    }

    /// Lets this much time pass.
    pub async fn advance_time(&self, nanoseconds: u64) {
        self.replica.advance_time(nanoseconds).await;
    }
}
