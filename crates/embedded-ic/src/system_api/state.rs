//! Data of wasm's store while a message runs: the message, its instruction budget, and the memory.

use std::sync::Arc;

use wasmtime::{AsContextMut, Memory, ResourceLimiter};

use super::Message;
use crate::cost;
use crate::fault::Fault;
use crate::limits::{MAX_HEAP_PAGES, WASM_PAGE_BYTES};
use crate::module::Segments;

/// Most elements of a table. Tables of real programs have thousands; millions would use host memory.
const MAX_TABLE_ELEMENTS: usize = 1_000_000;
/// wasmtime stops a program when all fuel is used, a replica when more than all is used. So the store gets this much more
/// fuel than instructions.
const FUEL_ABOVE_LIMIT: u64 = 1;

/// Data of a wasmtime store.
pub(crate) struct HostState {
    /// Message in execution; `None` between messages.
    pub(crate) message: Option<Message>,
    /// Memory of the instance; `None` if the module has none.
    pub(crate) memory: Option<Memory>,
    /// Amounts that a replica has charged before each call returns.
    pub(crate) segments: Arc<Segments>,
    budget: u64,
    budget_shown: u64,
    /// Instructions to be charged later, recorded by the limiter, which cannot reach the fuel.
    deferred: u64,
}

impl HostState {
    pub(crate) fn new(segments: Arc<Segments>) -> Self {
        Self { message: None, memory: None, segments, budget: 0, budget_shown: 0, deferred: 0 }
    }

    /// Returns the message in execution.
    pub(crate) fn message(&mut self) -> Result<&mut Message, Fault> {
        self.message
            .as_mut()
            .ok_or_else(|| Fault::Engine("a host function was called between messages".into()))
    }

    /// Prepares for a message with `budget` instructions; `shown` is the limit named by an error. Returns the fuel that the
    /// store needs.
    pub(crate) fn begin(&mut self, message: Message, budget: u64, shown: u64) -> u64 {
        self.message = Some(message);
        self.budget = budget;
        self.budget_shown = shown;
        self.deferred = 0;
        budget.saturating_add(FUEL_ABOVE_LIMIT)
    }

    /// Returns the instructions used so far, with `fuel` left.
    pub(crate) fn used(&self, fuel: u64) -> u64 {
        self.budget.saturating_add(FUEL_ABOVE_LIMIT).saturating_sub(fuel).saturating_add(self.deferred)
    }

    /// Returns the error for using too many instructions.
    pub(crate) fn exhausted(&self) -> Fault {
        Fault::InstructionLimit(self.budget_shown)
    }

    /// Returns whether `used` instructions are too many.
    pub(crate) fn exceeds(&self, used: u64) -> bool {
        used > self.budget
    }
}

/// Charges `amount` instructions for a host function, and the recorded later charges.
pub(super) fn charge(mut context: impl AsContextMut<Data = HostState>, amount: u64) -> wasmtime::Result<()> {
    let mut context = context.as_context_mut();
    let deferred = std::mem::take(&mut context.data_mut().deferred);
    let amount = amount.saturating_add(deferred);
    let fuel = context.get_fuel()?;
    // One unit must be left: it distinguishes "all" from "more than all".
    match fuel.checked_sub(amount).filter(|&left| left > 0) {
        Some(left) => context.set_fuel(left),
        None => {
            context.set_fuel(0)?;
            Err(context.data().exhausted().into())
        }
    }
}

impl ResourceLimiter for HostState {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.deferred += cost::GROW_REST;
        let Some(message) = &self.message else { return Ok(true) };
        let limit = message.limits.heap_bytes;
        // A growth that fails anyway, at the end of wasm32, is not a violation.
        let possible =
            desired <= maximum.unwrap_or(usize::MAX).min((MAX_HEAP_PAGES * WASM_PAGE_BYTES) as usize);
        if possible && desired > current && desired as u64 > limit && message.kind.has_heap_limit() {
            return Err(Fault::HeapLimit { bytes: desired as u64, limit }.into());
        }
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.deferred += cost::GROW_REST;
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }
}
