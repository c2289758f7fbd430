//! Looking at a folder that may be damaged, and repairing it.

use std::path::Path;

use crate::config::{Config, UpgradeOptions};
use crate::error::{CallError, HostError};
use crate::folder::{Access, Folder, Opened, keep_damaged_journal};
use crate::host::{EmbeddedIc, read_stable};
use crate::notice::Finding;
use crate::stable::StableMemory;

/// A folder as a repair would leave it, without its being changed.
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
    /// What is not as it was written.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Size of stable memory in wasm pages of 64 KiB, as a repair would leave it.
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
    /// Looks at a folder and changes nothing.
    ///
    /// # Errors
    /// `NotAFolder`, `FolderInUse`, `UnknownVersion`, `Io`; `Damaged` where the checkpoint or the module cannot be read,
    /// without which there is nothing to repair.
    pub fn inspect_dir(path: &Path, config: &Config) -> Result<Inspection, HostError> {
        let Opened { findings, stable, .. } = Folder::open(path, config.sync, Access::Inspect)?;
        Ok(Inspection { findings, stable })
    }

    /// Repairs what [`Self::inspect_dir`] finds: see [`Finding::remedy`]. Where something was damaged, the canister starts
    /// anew with this module, as in an upgrade without `canister_pre_upgrade`, since its heap may know another stable
    /// memory. A damaged journal is kept as `journal-damaged.bin`.
    ///
    /// # Errors
    /// `Damaged` for what cannot be repaired, and those of [`Self::inspect_dir`]; `Rejected` if the canister refuses its
    /// memory. A repair that was interrupted can be run again.
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
            let what = format!("the file ends here, and had at least {expected} bytes");
            return Err(HostError::Damaged { path: path.clone(), offset: *bytes, what }.into());
        }
        if !findings.iter().any(Finding::is_damage) {
            Self::open_dir(path, config)?.close()?;
            return Ok(findings);
        }
        keep_damaged_journal(path)?;
        let mut host = Self::open_with(path, config, Access::Repair)?;
        // What follows in the journal would follow damage.
        host.try_checkpoint()?;
        host.upgrade(wasm, arg, UpgradeOptions { skip_pre_upgrade: true })?;
        host.close()?;
        Ok(findings)
    }
}
