//! Running instance of the module, kept between messages: creating one costs more than an empty update.

use std::ops::Range;
use std::sync::Arc;

use wasmtime::{Global, Memory, Store, Val};

use crate::committed::GlobalValue;
use crate::error::HostError;
use crate::fault::Fault;
use crate::heap::{HeapView, Region};
use crate::module::{MEMORY_EXPORT, Prepared, global_export};
use crate::system_api::{HostState, Message};

/// Result of an execution.
pub(crate) struct Ended {
    pub(crate) message: Message,
    pub(crate) instructions: u64,
    pub(crate) result: Result<(), Fault>,
}

/// Module with a heap and globals.
pub(crate) struct Instance {
    store: Store<HostState>,
    instance: wasmtime::Instance,
    memory: Option<Memory>,
    globals: Vec<Global>,
    /// Whether the memory is mapped to the heap image.
    mapped: bool,
}

impl Instance {
    /// Creates an instance as defined by the module, before its start function.
    pub(crate) fn fresh(module: &Prepared) -> Result<Self, Fault> {
        let mut store =
            Store::new(module.linked.module().engine(), HostState::new(Arc::clone(&module.segments)));
        store.limiter(|state| state);
        // Writing the data segments takes fuel that is not charged, as on a replica.
        store.set_fuel(u64::MAX)?;
        let instance = module.linked.instantiate(&mut store)?;
        let memory = instance.get_memory(&mut store, MEMORY_EXPORT);
        store.data_mut().memory = memory;
        let globals = module
            .shape
            .mutable_globals
            .iter()
            .filter_map(|&index| instance.get_global(&mut store, &global_export(index)))
            .collect();
        Ok(Self { store, instance, memory, globals, mapped: false })
    }

    /// Creates an instance with the committed heap and globals.
    pub(crate) fn attached(
        module: &Prepared,
        heap: &HeapView,
        heap_pages: u64,
        globals: &[GlobalValue],
    ) -> Result<Self, Fault> {
        let mut this = Self::fresh(module)?;
        this.attach(heap, heap_pages, globals)?;
        Ok(this)
    }

    /// Gives an instance the committed heap and globals. If it had them before, no private pages may be left.
    pub(crate) fn attach(
        &mut self,
        heap: &HeapView,
        heap_pages: u64,
        globals: &[GlobalValue],
    ) -> Result<(), Fault> {
        let missing = heap_pages.saturating_sub(self.heap_pages());
        if let Some(memory) = self.memory {
            memory.grow(&mut self.store, missing)?;
        }
        if missing > 0 || !self.mapped || !heap.finds_copies() {
            self.map_all(heap).map_err(Fault::Host)?;
        }
        self.set_globals(globals)
    }

    /// Returns the addresses of the heap, if there is one.
    pub(crate) fn region(&self) -> Option<Region> {
        self.memory.map(|memory| Region::of(&self.store, memory))
    }

    /// Runs an exported function with an instruction budget; `shown` is the limit named by an error.
    pub(crate) fn run(&mut self, export: &str, message: Message, budget: u64, shown: u64) -> Ended {
        let fuel = self.store.data_mut().begin(message, budget, shown);
        let result = self.call(export, fuel);
        // Fuel metering is always enabled.
        let fuel = self.store.get_fuel().unwrap_or(0);
        let instructions = self.store.data().used(fuel);
        let message = self.store.data_mut().message.take().expect("only this function takes the message");
        let result = match result {
            Ok(()) if self.store.data().exceeds(instructions) => Err(self.store.data().exhausted()),
            Ok(()) => Ok(()),
            Err(error) if matches!(error.downcast_ref(), Some(wasmtime::Trap::OutOfFuel)) => {
                Err(self.store.data().exhausted())
            }
            Err(error) => Err(error.into()),
        };
        Ended { message, instructions: instructions.min(budget), result }
    }

    fn call(&mut self, export: &str, fuel: u64) -> wasmtime::Result<()> {
        self.store.set_fuel(fuel)?;
        let function = self.instance.get_typed_func::<(), ()>(&mut self.store, export)?;
        function.call(&mut self.store, ())
    }

    /// Returns the size of the heap in wasm pages.
    pub(crate) fn heap_pages(&self) -> u64 {
        self.memory.map_or(0, |memory| memory.size(&self.store))
    }

    /// Returns the bytes of the heap.
    pub(crate) fn heap(&self) -> &[u8] {
        self.memory.map_or(&[], |memory| memory.data(&self.store))
    }

    /// Returns the byte ranges of the heap that differ from the image, without whole pages of `scratch`. Returns the whole heap if
    /// it is not mapped to the image.
    pub(crate) fn dirty(
        &self,
        heap: &HeapView,
        scratch: &Range<u32>,
    ) -> Result<Vec<Range<usize>>, HostError> {
        let Some(memory) = self.memory else { return Ok(Vec::new()) };
        heap.dirty(&self.store, memory, self.mapped, scratch)
            .map_err(HostError::io("find the changed pages of the heap"))
    }

    /// Maps the whole heap to the image.
    pub(crate) fn map_all(&mut self, heap: &HeapView) -> Result<(), HostError> {
        self.mapped = true;
        let Some(memory) = self.memory else { return Ok(()) };
        heap.map_all(&mut self.store, memory).map_err(HostError::io("map the heap"))
    }

    /// Maps ranges of the heap to the image again.
    pub(crate) fn map(&mut self, heap: &HeapView, ranges: &[Range<usize>]) -> Result<(), HostError> {
        let Some(memory) = self.memory else { return Ok(()) };
        heap.map(&mut self.store, memory, ranges).map_err(HostError::io("map the heap"))
    }

    /// Returns the values of the mutable globals.
    pub(crate) fn global_values(&mut self) -> Result<Vec<GlobalValue>, Fault> {
        let store = &mut self.store;
        self.globals
            .iter()
            .map(|global| match global.get(&mut *store) {
                Val::I32(value) => Ok(GlobalValue::I32(value)),
                Val::I64(value) => Ok(GlobalValue::I64(value)),
                Val::F32(bits) => Ok(GlobalValue::F32(bits)),
                Val::F64(bits) => Ok(GlobalValue::F64(bits)),
                Val::V128(value) => Ok(GlobalValue::V128(value.as_u128())),
                other => Err(Fault::Engine(format!("a global holds {other:?}"))),
            })
            .collect()
    }

    /// Sets the mutable globals.
    pub(crate) fn set_globals(&mut self, values: &[GlobalValue]) -> Result<(), Fault> {
        if values.len() != self.globals.len() {
            return Err(Fault::Engine(format!("{} values for {} globals", values.len(), self.globals.len())));
        }
        for (global, value) in self.globals.iter().zip(values) {
            let value = match *value {
                GlobalValue::I32(value) => Val::I32(value),
                GlobalValue::I64(value) => Val::I64(value),
                GlobalValue::F32(bits) => Val::F32(bits),
                GlobalValue::F64(bits) => Val::F64(bits),
                GlobalValue::V128(value) => Val::V128(value.into()),
            };
            global.set(&mut self.store, value)?;
        }
        Ok(())
    }
}
