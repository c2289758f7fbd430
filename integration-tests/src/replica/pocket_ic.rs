//! The suite's operations on a PocketIC server.
//!
//! The `pocket-ic` crate starts the server, one for all tests of a process, and each test has a separate instance on it. The
//! server ends by itself when it is unused.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    path::Path,
    sync::Arc,
    time::Duration,
};

use candid::Principal;
use ic_management_canister_types::{CanisterInstallMode, CanisterSettings, InstallCodeArgs, UpgradeFlags};
use pocket_ic::{
    PocketIcBuilder, RejectResponse,
    common::rest::{IcpConfig, IcpConfigFlag, RawEffectivePrincipal},
    nonblocking::{PocketIc, call_candid_as},
};
use sha2::{Digest, Sha256};
use storage_client::{Transport, TransportError};

use super::InstallMode;

/// A module above this size does not fit an ingress message and is sent in chunks.
const CHUNKED_ABOVE_BYTES: usize = 2_000_000;

/// Size of a chunk, as required by the management canister.
const CHUNK_BYTES: usize = 1 << 20;

/// Enough for years of a few GiB of stable memory.
const CYCLES: u128 = 1_000_000_000_000_000;

/// Instance with one canister.
pub struct PocketIcReplica {
    instance: Arc<Instance>,
    controller: Principal,
}

/// Calls the canister as one principal.
#[derive(Clone)]
pub struct PocketIcTransport {
    instance: Arc<Instance>,
    sender: Principal,
}

struct Instance {
    pocket_ic: PocketIc,
    canister: Principal,
}

impl PocketIcReplica {
    pub(super) async fn start(server: &Path, controllers: Vec<Principal>) -> Self {
        // A subnet delays a canister after heavy installs and writes. The tests must not wait for that.
        let config = IcpConfig {
            canister_execution_rate_limiting: Some(IcpConfigFlag::Disabled),
            ..IcpConfig::default()
        };
        let pocket_ic = PocketIcBuilder::new()
            .with_server_binary(server.to_path_buf())
            .with_icp_config(config)
            .with_application_subnet()
            .build_async()
            .await;
        let controller = *controllers.first().expect("a canister has a controller");
        let settings = CanisterSettings { controllers: Some(controllers), ..CanisterSettings::default() };
        let canister = pocket_ic.create_canister_with_settings(Some(controller), Some(settings)).await;
        pocket_ic.add_cycles(canister, CYCLES).await;
        Self { instance: Arc::new(Instance { pocket_ic, canister }), controller }
    }

    pub(super) fn transport(&self, sender: Principal) -> PocketIcTransport {
        PocketIcTransport { instance: Arc::clone(&self.instance), sender }
    }

    pub(super) async fn install(
        &self,
        mode: InstallMode,
        wasm: &[u8],
        arg: Vec<u8>,
    ) -> Result<(), TransportError> {
        let result = if wasm.len() + arg.len() < CHUNKED_ABOVE_BYTES {
            self.install_in_one_message(mode.into(), wasm, arg).await
        } else {
            self.install_in_chunks(mode.into(), wasm, arg).await
        };
        result.map_err(rejected)
    }

    // The helpers of the `pocket-ic` crate cannot skip pre_upgrade, so the management canister is called directly.
    async fn install_in_one_message(
        &self,
        mode: CanisterInstallMode,
        wasm: &[u8],
        arg: Vec<u8>,
    ) -> Result<(), RejectResponse> {
        let canister_id = self.instance.canister;
        let args = InstallCodeArgs {
            mode,
            canister_id,
            wasm_module: wasm.to_vec(),
            arg,
            sender_canister_version: None,
        };
        call_candid_as(
            &self.instance.pocket_ic,
            Principal::management_canister(),
            RawEffectivePrincipal::CanisterId(canister_id.as_slice().to_vec()),
            self.controller,
            "install_code",
            (args,),
        )
        .await
    }

    async fn install_in_chunks(
        &self,
        mode: CanisterInstallMode,
        wasm: &[u8],
        arg: Vec<u8>,
    ) -> Result<(), RejectResponse> {
        let Instance { pocket_ic, canister } = &*self.instance;
        let sender = Some(self.controller);
        pocket_ic.clear_chunk_store(*canister, sender).await?;
        let mut hashes = Vec::new();
        for chunk in wasm.chunks(CHUNK_BYTES) {
            hashes.push(pocket_ic.upload_chunk(*canister, sender, chunk.to_vec()).await?);
        }
        let hash = Sha256::digest(wasm).to_vec();
        pocket_ic.install_chunked_canister(*canister, sender, mode, *canister, hashes, hash, arg).await
    }

    pub(super) async fn stable_memory(&self) -> Vec<u8> {
        self.instance.pocket_ic.get_stable_memory(self.instance.canister).await
    }

    pub(super) async fn log_lines(&self) -> Vec<String> {
        let Instance { pocket_ic, canister } = &*self.instance;
        let records = pocket_ic.fetch_canister_logs(*canister, self.controller).await;
        let records = records.expect("a controller may read the log");
        records.iter().map(|record| String::from_utf8_lossy(&record.content).into_owned()).collect()
    }

    pub(super) async fn advance_time(&self, nanoseconds: u64) {
        self.instance.pocket_ic.advance_time(Duration::from_nanos(nanoseconds)).await;
        // A query sees the time of the last round, so a round is needed.
        self.instance.pocket_ic.tick().await;
    }
}

impl Transport for PocketIcTransport {
    async fn update(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        let Instance { pocket_ic, canister } = &*self.instance;
        pocket_ic.update_call(*canister, self.sender, method, arg).await.map_err(rejected)
    }

    async fn query(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        let Instance { pocket_ic, canister } = &*self.instance;
        pocket_ic.query_call(*canister, self.sender, method, arg).await.map_err(rejected)
    }
}

impl From<InstallMode> for CanisterInstallMode {
    fn from(mode: InstallMode) -> Self {
        match mode {
            InstallMode::Install => Self::Install,
            InstallMode::Reinstall => Self::Reinstall,
            InstallMode::Upgrade => Self::Upgrade(None),
            InstallMode::UpgradeSkippingPreUpgrade => Self::Upgrade(Some(UpgradeFlags {
                skip_pre_upgrade: Some(true),
                wasm_memory_persistence: None,
            })),
        }
    }
}

fn rejected(response: RejectResponse) -> TransportError {
    TransportError::Rejected {
        code: response.reject_code as u32,
        error_code: Some(format!("IC{:04}", response.error_code as u64)),
        message: response.reject_message,
    }
}

impl Drop for Instance {
    /// Deletes the instance on the server, or the memory of all tests would add up.
    fn drop(&mut self) {
        if let Err(error) = self.delete() {
            eprintln!("the PocketIC server did not delete instance {}: {error}", self.pocket_ic.instance_id);
        }
    }
}

impl Instance {
    // The crate can delete an instance only in async code, which a drop is not, so this sends the HTTP request itself.
    fn delete(&self) -> io::Result<()> {
        let url = self.pocket_ic.get_server_url();
        let (host, port) = (url.host_str().unwrap_or("127.0.0.1"), url.port_or_known_default().unwrap_or(80));
        let mut stream = TcpStream::connect((host, port))?;
        let path = format!("/instances/{}", self.pocket_ic.instance_id);
        write!(stream, "DELETE {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n")?;
        stream.read_to_end(&mut Vec::new())?;
        Ok(())
    }
}
