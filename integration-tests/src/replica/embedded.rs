//! The suite's operations on the embedded host.

use candid::Principal;
use embedded_ic::{Config, EmbeddedIc, UpgradeOptions};
use storage_client::{EmbeddedTransport, TransportError};

use super::InstallMode;

/// Bytes of a WebAssembly page, the unit that stable memory is counted in.
const PAGE_BYTES: usize = 65_536;

pub(super) fn start(controllers: Vec<Principal>) -> EmbeddedTransport {
    let controller = *controllers.first().expect("a canister has a controller");
    let config = Config::default().with_controllers(controllers);
    EmbeddedTransport::new(EmbeddedIc::new(config).expect("a host in memory can be made"), controller)
}

pub(super) fn install(
    transport: &EmbeddedTransport,
    mode: InstallMode,
    wasm: &[u8],
    arg: &[u8],
) -> Result<u64, TransportError> {
    let upgrade = |skip_pre_upgrade| UpgradeOptions { skip_pre_upgrade };
    let execution = transport.with_host(|host| match mode {
        InstallMode::Install => host.install(wasm, arg),
        InstallMode::Reinstall => host.reinstall(wasm, arg),
        InstallMode::Upgrade => host.upgrade(wasm, arg, upgrade(false)),
        InstallMode::UpgradeSkippingPreUpgrade => host.upgrade(wasm, arg, upgrade(true)),
    })?;
    Ok(execution.instructions)
}

pub(super) fn stable_memory(transport: &EmbeddedTransport) -> Vec<u8> {
    transport.with_host(|host| {
        let pages = usize::try_from(host.stable_pages()).expect("stable memory fits the address space");
        let mut bytes = vec![0; pages * PAGE_BYTES];
        host.read_stable(0, &mut bytes).expect("stable memory can be read up to its size");
        bytes
    })
}

pub(super) fn log_lines(transport: &EmbeddedTransport) -> Vec<String> {
    transport.with_host(|host| host.logs().iter().map(embedded_ic::LogRecord::text).collect())
}

pub(super) fn advance_time(transport: &EmbeddedTransport, nanoseconds: u64) {
    transport.with_host(|host| host.set_time_ns(host.time_ns() + nanoseconds));
}
