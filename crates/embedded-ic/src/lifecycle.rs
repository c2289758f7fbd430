//! Install, reinstall and upgrade.

use std::path::Path;
use std::sync::Arc;

use crate::config::UpgradeOptions;
use crate::error::{CallError, HostError};
use crate::execute::{Call, ExecutionResult, NewModule};
use crate::fault::Fault;
use crate::host::EmbeddedIc;
use crate::instance::Instance;
use crate::module::{ModuleLimits, Prepared, START_EXPORT, prepared};
use crate::outcome::Execution;
use crate::stable::StableFault;
use crate::system_api::{CanisterEnv, Kind};

const INIT: &str = "canister_init";
const PRE_UPGRADE: &str = "canister_pre_upgrade";
const POST_UPGRADE: &str = "canister_post_upgrade";

/// The three modes of the management canister's `install_code`, and two of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode<'a> {
    Install,
    Reinstall,
    Upgrade(UpgradeOptions),
    /// Upgrade to a module and a stable memory.
    Onto(&'a Path),
    /// Upgrade to a module, with changes to stable memory.
    Patched(&'a [(u64, Vec<u8>)]),
}

impl Mode<'_> {
    /// Returns whether the module starts on the existing stable memory.
    fn is_upgrade(self) -> bool {
        matches!(self, Self::Upgrade(_) | Self::Onto(_) | Self::Patched(_))
    }
}

/// Code change in progress: instructions used and lines printed so far.
#[derive(Default)]
struct Progress {
    execution: Execution,
    printed: Vec<Vec<u8>>,
}

impl EmbeddedIc {
    /// Installs a module, compressed or not, on an empty canister: start function, then `canister_init`. The sender is the
    /// first controller.
    ///
    /// # Errors
    /// `Rejected` if there is a module, if the new one is invalid (`IC0505`) or traps; `Host` if the host fails. The canister is
    /// unchanged then.
    pub fn install(&mut self, wasm: &[u8], arg: &[u8]) -> Result<Execution, CallError> {
        self.change_code(Mode::Install, wasm, arg)
    }

    /// Installs a module in place of another one, or on an empty canister: heap, stable memory and certified data start
    /// empty.
    ///
    /// # Errors
    /// As [`Self::install`], except that a module may be there.
    pub fn reinstall(&mut self, wasm: &[u8], arg: &[u8]) -> Result<Execution, CallError> {
        self.change_code(Mode::Reinstall, wasm, arg)
    }

    /// Upgrades to a module: `canister_pre_upgrade` of the old one, then start function and `canister_post_upgrade` of the new
    /// one. Stable memory and certified data stay, heap and globals are new, and the timer is off.
    ///
    /// # Errors
    /// `Rejected` if there is no module, if the new one is invalid or if anything traps; `Host` if the host fails. The canister
    /// is unchanged then, with the old module.
    pub fn upgrade(
        &mut self,
        wasm: &[u8],
        arg: &[u8],
        options: UpgradeOptions,
    ) -> Result<Execution, CallError> {
        self.change_code(Mode::Upgrade(options), wasm, arg)
    }

    /// Upgrades to a module on other stable memory: that of an image, as written by [`Self::export_stable`]. The old heap is
    /// discarded without `canister_pre_upgrade`; start function and `canister_post_upgrade` of the module run on the new
    /// memory. Both take effect in one step, or neither does.
    ///
    /// # Errors
    /// `Rejected` if there is no module, if the new one is invalid or if anything traps; `Host` with `BadImage` for a file of an
    /// invalid size, or if the host fails. The canister is unchanged then.
    pub fn upgrade_onto(&mut self, image: &Path, wasm: &[u8], arg: &[u8]) -> Result<Execution, CallError> {
        self.change_code(Mode::Onto(image), wasm, arg)
    }

    /// Changes bytes of stable memory from outside the canister, and upgrades to a module, which restarts on the result: start
    /// function and `canister_post_upgrade`, without `canister_pre_upgrade` of the old one. All of it takes effect in one step,
    /// or nothing does. Each patch is an offset and the bytes to write there.
    ///
    /// # Errors
    /// `Rejected` if there is no module, if the new one is invalid or if anything traps; `Host` with `OutOfRange` for a patch
    /// beyond the end of stable memory, or if the host fails. The canister is unchanged then.
    pub fn upgrade_patched(
        &mut self,
        patches: &[(u64, Vec<u8>)],
        wasm: &[u8],
        arg: &[u8],
    ) -> Result<Execution, CallError> {
        self.change_code(Mode::Patched(patches), wasm, arg)
    }

    fn patch(&mut self, patches: &[(u64, Vec<u8>)]) -> Result<(), HostError> {
        let Some(stable) = &mut self.stable else { return Ok(()) };
        for (offset, bytes) in patches {
            let size = stable.bytes();
            stable.write(*offset, bytes).map_err(|fault| match fault {
                StableFault::Io(error) => HostError::io("read stable memory")(error),
                _ => {
                    let end = offset.saturating_add(bytes.len() as u64);
                    HostError::OutOfRange { offset: *offset, end, size }
                }
            })?;
        }
        Ok(())
    }

    fn change_code(&mut self, mode: Mode<'_>, wasm: &[u8], arg: &[u8]) -> Result<Execution, CallError> {
        self.changeable()?;
        let mut progress = Progress::default();
        match self.try_change_code(mode, wasm, arg, &mut progress) {
            Ok(()) => Ok(progress.execution),
            Err(fault) => {
                self.rollback();
                if fault.is_logged() && self.module.is_some() {
                    progress.printed.push(fault.log_line());
                }
                self.commit_log(&progress.printed)?;
                Err(self.failed(fault, progress.execution.instructions))
            }
        }
    }

    fn try_change_code(
        &mut self,
        mode: Mode<'_>,
        wasm: &[u8],
        arg: &[u8],
        progress: &mut Progress,
    ) -> Result<(), Fault> {
        match mode {
            Mode::Install if self.module.is_some() => return Err(Fault::NotEmpty),
            _ if mode.is_upgrade() && self.module.is_none() => return Err(Fault::NoModule),
            _ => {}
        }
        let module = prepared(wasm, &ModuleLimits::from(&*self.limits))?;
        let mut env = self.committed.env.clone();
        if let Mode::Upgrade(options) = mode
            && !options.skip_pre_upgrade
            && self.exports(PRE_UPGRADE)
        {
            env = self.run_pre_upgrade(env, progress)?;
        }
        env.version += 1;
        env.global_timer_ns = 0;
        match mode {
            Mode::Upgrade(_) => {}
            Mode::Onto(image) => self.load(image).map_err(Fault::Host)?,
            Mode::Patched(patches) => self.patch(patches).map_err(Fault::Host)?,
            Mode::Install | Mode::Reinstall => {
                env.certified_data.clear();
                let store = self.new_store().map_err(Fault::Host)?;
                if let Some(stable) = &mut self.stable {
                    stable.replace(store, 0);
                }
            }
        }
        let last = if mode.is_upgrade() { POST_UPGRADE } else { INIT };
        let (instance, env) = self.run_new_module(&module, env, last, arg, progress)?;
        self.keep_module(wasm, &module)?;
        self.commit_module(NewModule { module, instance }, env, &progress.printed)?;
        Ok(())
    }

    fn exports(&self, name: &str) -> bool {
        self.module.as_ref().is_some_and(|module| module.exports(name))
    }

    fn run_pre_upgrade(&mut self, env: CanisterEnv, progress: &mut Progress) -> Result<CanisterEnv, Fault> {
        let sender = env.controllers[0];
        let no_arg = Arc::default();
        let call = self.part(Kind::PreUpgrade, PRE_UPGRADE, sender, &no_arg, progress);
        let execution = self.execute(env, &call)?;
        progress.execution.pre_upgrade = execution.instructions;
        progress.finish(execution)
    }

    fn run_new_module(
        &mut self,
        module: &Arc<Prepared>,
        mut env: CanisterEnv,
        last: &'static str,
        arg: &[u8],
        progress: &mut Progress,
    ) -> Result<(Instance, CanisterEnv), Fault> {
        let mut instance = Instance::fresh(module)?;
        let sender = env.controllers[0];
        if module.shape.start.is_some() {
            let no_arg = Arc::default();
            let call = self.part(Kind::Start, START_EXPORT, sender, &no_arg, progress);
            let execution = self.execute_on(&mut instance, env, &call)?;
            progress.execution.start = execution.instructions;
            env = progress.finish(execution)?;
        }
        if module.exports(last) {
            let arg = Arc::new(arg.to_vec());
            let call = self.part(Kind::Init, last, sender, &arg, progress);
            let execution = self.execute_on(&mut instance, env, &call)?;
            match last {
                INIT => progress.execution.init = execution.instructions,
                _ => progress.execution.post_upgrade = execution.instructions,
            }
            env = progress.finish(execution)?;
        }
        Ok((instance, env))
    }

    /// Prepares one of the functions that run in sequence, with the remaining budget.
    fn part<'a>(
        &self,
        kind: Kind,
        export: &'static str,
        sender: candid::Principal,
        arg: &'a Arc<Vec<u8>>,
        progress: &Progress,
    ) -> Call<'a> {
        let limit = self.limits.instructions.install;
        let budget = limit.saturating_sub(progress.execution.instructions);
        Call { kind, export, sender, method: "", arg, budget, budget_shown: limit }
    }

    /// Writes the module file. It takes effect only when the commit names it.
    fn keep_module(&mut self, wasm: &[u8], module: &Prepared) -> Result<(), Fault> {
        match &mut self.folder {
            Some(folder) => folder.keep_module(&module.hash, wasm).map_err(Fault::Host),
            None => Ok(()),
        }
    }
}

impl Progress {
    /// Adds what an execution used and printed, and returns its outcome.
    fn finish(&mut self, execution: ExecutionResult) -> Result<CanisterEnv, Fault> {
        self.execution.instructions += execution.instructions;
        self.printed.extend(execution.printed);
        execution.result.map(|()| execution.env)
    }
}
