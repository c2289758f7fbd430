//! Inspecting and repairing a folder.

use std::path::Path;

use crate::config::{Config, UpgradeOptions};
use crate::error::{CallError, HostError};
use crate::folder::{Access, Folder, Opened, keep_damaged_journal};
use crate::host::{EmbeddedIc, read_stable};
use crate::notice::Finding;
use crate::stable::StableMemory;

/// A folder as a repair would leave it. The folder itself is unchanged.
pub struct Inspection {
    findings: Vec<Finding>,
    stable: StableMemory,
}

impl std::fmt::Debug for Inspection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inspection").field("findings", &self.findings).finish_non_exhaustive()
    }
}

impl Inspection {
    /// Returns the corruption that was found.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Returns the size of stable memory in wasm pages of 64 KiB, as a repair would leave it.
    #[must_use]
    pub fn stable_pages(&self) -> u64 {
        self.stable.pages()
    }

    /// Reads stable memory as a repair would leave it.
    ///
    /// # Errors
    /// `OutOfRange` beyond its size, `Io`.
    pub fn read_stable(&self, offset: u64, dst: &mut [u8]) -> Result<(), HostError> {
        read_stable(&self.stable, offset, dst)
    }
}

impl EmbeddedIc {
    /// Inspects a folder without changing it.
    ///
    /// # Errors
    /// `NotAFolder`, `FolderInUse`, `UnknownVersion`, `Io`; `Damaged` if the checkpoint or the module cannot be read, without
    /// which nothing can be repaired.
    pub fn inspect_dir(path: &Path, config: &Config) -> Result<Inspection, HostError> {
        let Opened { findings, stable, .. } = Folder::open(path, config.sync, Access::Inspect)?;
        Ok(Inspection { findings, stable })
    }

    /// Repairs what [`Self::inspect_dir`] finds: see [`Finding::remedy`]. After corruption, the canister restarts with this
    /// module, as in an upgrade without `canister_pre_upgrade`, because its heap may belong to another stable memory. A corrupt
    /// journal is kept as `journal-damaged.bin`.
    ///
    /// # Errors
    /// `Damaged` for what cannot be repaired, and the errors of [`Self::inspect_dir`]; `Rejected` if the canister traps on its
    /// memory. An interrupted repair can be repeated.
    pub fn repair_dir(
        path: &Path,
        config: Config,
        wasm: &[u8],
        arg: &[u8],
    ) -> Result<Vec<Finding>, CallError> {
        let findings = Self::inspect_dir(path, &config)?.findings;
        if let Some(Finding::ShortStableMemory { path, bytes, expected }) =
            findings.iter().find(|finding| !finding.can_be_repaired())
        {
            let what = format!("the file ends here, expected at least {expected} bytes");
            return Err(HostError::Damaged { path: path.clone(), offset: *bytes, what }.into());
        }
        if !findings.iter().any(Finding::is_damage) {
            Self::open_dir(path, config)?.close()?;
            return Ok(findings);
        }
        keep_damaged_journal(path)?;
        let mut host = Self::open_with(path, config, Access::Repair)?;
        // Later records in the journal would follow corruption.
        host.try_checkpoint()?;
        host.upgrade(wasm, arg, UpgradeOptions { skip_pre_upgrade: true })?;
        host.close()?;
        Ok(findings)
    }
}
