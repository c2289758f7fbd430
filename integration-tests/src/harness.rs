//! A storage canister on a replica, with methods named after what one does to it.

use candid::Principal;
use stable_storage_api::InitArgs;
use storage_client::{Client, EmbeddedTransport, TransportError};
use storage_wasm::STORAGE_WASM;

use crate::replica::{InstallMode, Replica, ReplicaTransport};

/// A client of either replica.
pub type SuiteClient = Client<ReplicaTransport>;

/// The principal that controls the canister of every test.
pub fn controller() -> Principal {
    Principal::self_authenticating(b"integration tests: the controller")
}

/// A second principal that controls the canister of every test.
pub fn second_controller() -> Principal {
    Principal::self_authenticating(b"integration tests: the second controller")
}

/// A principal that nobody gave any rights to.
pub fn stranger() -> Principal {
    Principal::self_authenticating(b"integration tests: a stranger")
}

/// The argument of an install or upgrade of the storage canister, encoded.
pub fn init_args(args: Option<InitArgs>) -> Vec<u8> {
    candid::encode_one(args).expect("init arguments can always be encoded")
}

/// A canister on a replica of its own.
pub struct Harness {
    replica: Replica,
}

impl Harness {
    /// A storage canister, freshly installed and unconfigured.
    pub async fn start() -> Self {
        Self::start_installed(STORAGE_WASM, init_args(None)).await
    }

    /// A storage canister, freshly installed with these settings.
    pub async fn start_with(args: InitArgs) -> Self {
        Self::start_installed(STORAGE_WASM, init_args(Some(args))).await
    }

    /// A storage canister that may grow to this many bytes of stable memory.
    pub async fn start_with_capacity(capacity_bytes: u64) -> Self {
        Self::start_with(InitArgs::capacity(capacity_bytes)).await
    }

    /// A storage canister, freshly installed on this embedded host, whichever replica the suite runs on. The host's
    /// canister has no module yet.
    pub async fn start_on_embedded(transport: EmbeddedTransport) -> Self {
        let harness = Self { replica: Replica::Embedded(transport) };
        let installed = harness.install(InstallMode::Install, STORAGE_WASM, init_args(None)).await;
        installed.expect("a module can be installed into an empty canister");
        harness
    }

    /// A canister of any module.
    pub async fn start_installed(wasm: &[u8], arg: Vec<u8>) -> Self {
        let harness = Self::start_empty().await;
        let installed = harness.install(InstallMode::Install, wasm, arg).await;
        installed.expect("a module can be installed into an empty canister");
        harness
    }

    /// A canister without a module.
    pub async fn start_empty() -> Self {
        Self { replica: Replica::start(vec![controller(), second_controller()]).await }
    }

    /// The replica that this runs on.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// A client of the controller.
    pub fn client(&self) -> SuiteClient {
        self.client_as(controller())
    }

    /// A client of any principal, which leaves all checks to the canister.
    pub fn client_as(&self, sender: Principal) -> SuiteClient {
        Client::new(self.transport(sender)).without_checks()
    }

    /// Carries encoded calls in the name of any principal, for tests that send what no client would.
    pub fn transport(&self, sender: Principal) -> ReplicaTransport {
        self.replica.transport(sender)
    }

    /// Makes an install call as the controller. The embedded host tells what it cost, in instructions.
    pub async fn install(
        &self,
        mode: InstallMode,
        wasm: &[u8],
        arg: Vec<u8>,
    ) -> Result<Option<u64>, TransportError> {
        self.replica.install(mode, wasm, arg).await
    }

    /// Upgrades to the same module and keeps what is configured. Gives the instructions on the embedded host.
    pub async fn upgrade(&self) -> Option<u64> {
        let upgraded = self.install(InstallMode::Upgrade, STORAGE_WASM, init_args(None)).await;
        upgraded.expect("the storage canister can be upgraded")
    }

    /// The same without running `pre_upgrade`.
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

    /// Installs the storage canister anew with these settings, dropping all data.
    pub async fn reinstall_with(&self, args: InitArgs) -> Result<Option<u64>, TransportError> {
        self.install(InstallMode::Reinstall, STORAGE_WASM, init_args(Some(args))).await
    }

    /// All of the canister's stable memory.
    pub async fn stable_memory(&self) -> Vec<u8> {
        self.replica.stable_memory().await
    }

    /// The lines of the canister's log.
    pub async fn log_lines(&self) -> Vec<String> {
        self.replica.log_lines().await
    }

    /// Lets this much time pass.
    pub async fn advance_time(&self, nanoseconds: u64) {
        self.replica.advance_time(nanoseconds).await;
    }
}
