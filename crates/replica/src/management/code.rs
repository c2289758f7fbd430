//! Install, reinstall and upgrade.

use embedded_ic::{EmbeddedIc, UpgradeOptions};
use ic_management_canister_types::{
    CanisterInstallMode, InstallChunkedCodeArgs, InstallCodeArgs, UpgradeFlags, WasmMemoryPersistence,
};
use sha2::{Digest, Sha256};

use super::chunks::Chunks;
use super::{Answer, invalid, reply};
use crate::outcome::rejection;

/// Executes `install_code`.
pub(super) fn install(host: &mut EmbeddedIc, args: &InstallCodeArgs) -> Answer {
    change(host, args.mode, &args.wasm_module, &args.arg)
}

/// Executes `install_chunked_code`.
pub(super) fn install_chunked(
    host: &mut EmbeddedIc,
    chunks: &Chunks,
    args: InstallChunkedCodeArgs,
) -> Answer {
    if let Some(store) = args.store_canister.filter(|store| *store != host.canister_id()) {
        return Err(invalid(format!("The chunks of canister {store} are not on this server.")));
    }
    let wasm = chunks
        .joined(&args.chunk_hashes_list)
        .map_err(|hash| invalid(format!("Wasm chunk hash {} was not found in the store.", hex(hash))))?;
    let found = Sha256::digest(&wasm);
    if found[..] != args.wasm_module_hash {
        return Err(invalid(format!(
            "Wasm module hash {} does not match given hash {}.",
            hex(&found),
            hex(&args.wasm_module_hash)
        )));
    }
    change(host, args.mode, &wasm, &args.arg)
}

fn change(host: &mut EmbeddedIc, mode: CanisterInstallMode, wasm: &[u8], arg: &[u8]) -> Answer {
    let done = match mode {
        CanisterInstallMode::Install => host.install(wasm, arg),
        CanisterInstallMode::Reinstall => host.reinstall(wasm, arg),
        CanisterInstallMode::Upgrade(flags) => host.upgrade(wasm, arg, options(flags)?),
    };
    done.map_err(rejection)?;
    reply(())
}

fn options(flags: Option<UpgradeFlags>) -> Result<UpgradeOptions, ic_transport_types::RejectResponse> {
    let Some(UpgradeFlags { skip_pre_upgrade, wasm_memory_persistence }) = flags else {
        return Ok(UpgradeOptions::default());
    };
    if wasm_memory_persistence == Some(WasmMemoryPersistence::Keep) {
        return Err(invalid("This server does not keep the Wasm memory of a canister in an upgrade."));
    }
    Ok(UpgradeOptions { skip_pre_upgrade: skip_pre_upgrade.unwrap_or_default() })
}

/// Formats a hash in hexadecimal. Longer input is cut to the length of a hash.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(32).map(|byte| format!("{byte:02x}")).collect()
}
