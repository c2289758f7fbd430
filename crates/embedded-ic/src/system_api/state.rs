//! What wasm's store holds while a message runs: the message, its budget of instructions, and the memory.

use std::sync::Arc;

use wasmtime::{AsContextMut, Memory, ResourceLimiter};

use super::Message;
use crate::cost;
use crate::fault::Fault;
use crate::limits::{MAX_HEAP_PAGES, WASM_PAGE_BYTES};
use crate::module::Segments;

/// Elements that a table may have. Tables of real programs have thousands; millions would be host memory.
const MAX_TABLE_ELEMENTS: usize = 1_000_000;
/// wasmtime stops a program when all fuel is gone, a replica when more than all is gone. The store thus gets this much
/// fuel more than there are instructions.
const FUEL_ABOVE_LIMIT: u64 = 1;

/// The data of a wasmtime store.
pub(crate) struct HostState {
    /// The message in execution; none between messages.
    pub(crate) message: Option<Message>,
    /// The memory of the instance; none if the module has none.
    pub(crate) memory: Option<Memory>,
    /// What a replica has charged before each call returns.
    pub(crate) segments: Arc<Segments>,
    budget: u64,
    budget_shown: u64,
    /// Instructions to be charged that the limiter, which cannot reach the fuel, has put down here.
    owed: u64,
}

impl HostState {
    pub(crate) fn new(segments: Arc<Segments>) -> Self {
        Self { message: None, memory: None, segments, budget: 0, budget_shown: 0, owed: 0 }
    }

    /// The message in execution.
    pub(crate) fn message(&mut self) -> Result<&mut Message, Fault> {
        self.message
            .as_mut()
            .ok_or_else(|| Fault::Engine("a host function was called between messages".into()))
    }

    /// Prepares for a message with `budget` instructions; `shown` is the limit that an error names.
    /// Gives the fuel that the store needs.
    pub(crate) fn begin(&mut self, message: Message, budget: u64, shown: u64) -> u64 {
        self.message = Some(message);
        self.budget = budget;
        self.budget_shown = shown;
        self.owed = 0;
        budget.saturating_add(FUEL_ABOVE_LIMIT)
    }

    /// Instructions used so far, when `fuel` is left.
    pub(crate) fn used(&self, fuel: u64) -> u64 {
        self.budget.saturating_add(FUEL_ABOVE_LIMIT).saturating_sub(fuel).saturating_add(self.owed)
    }

    /// The error for using too many instructions.
    pub(crate) fn exhausted(&self) -> Fault {
        Fault::InstructionLimit(self.budget_shown)
    }

    /// Whether `used` instructions are too many.
    pub(crate) fn exceeds(&self, used: u64) -> bool {
        used > self.budget
    }
}

/// Charges `amount` instructions for a host function, and what is owed.
pub(super) fn charge(mut context: impl AsContextMut<Data = HostState>, amount: u64) -> wasmtime::Result<()> {
    let mut context = context.as_context_mut();
    let owed = std::mem::take(&mut context.data_mut().owed);
    let amount = amount.saturating_add(owed);
    let fuel = context.get_fuel()?;
    // One unit has to be left: that is the one which tells "all" from "more than all".
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
        self.owed += cost::GROW_REST;
        let Some(message) = &self.message else { return Ok(true) };
        let limit = message.limits.heap_bytes;
        // A growth that fails anyway, because wasm32 ends there, is no violation.
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
        self.owed += cost::GROW_REST;
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }
}
