//! Binding of the System API to wasm: each function charges instructions, then calls its implementation in [`Message`].

use std::sync::{Arc, OnceLock};

use wasmtime::{Caller, InstancePre, Linker, Module, Result, Store, WasmBacktrace};

use super::state::charge;
use super::{HostState, Message};
use crate::cost::api;
use crate::fault::Fault;
use crate::module::engine;

/// Module of all imports.
const IC0: &str = "ic0";

/// Links the imports of a module. A function that is not part of the System API is rejected by name.
pub(crate) fn link(module: &Module) -> Result<InstancePre<HostState>, Fault> {
    let linker = linker()?;
    let mut store = Store::new(module.engine(), HostState::new(Arc::default()));
    for import in module.imports() {
        let (from, name) = (import.module(), import.name());
        let known = linker.get(&mut store, from, name).ok().and_then(wasmtime::Extern::into_func);
        let wanted = import.ty();
        match (known, wanted.func()) {
            (Some(known), Some(wanted)) if wanted.matches(&known.ty(&store)) => {}
            (Some(known), _) => {
                return Err(bad_import(format!(
                    "Module imports function '{name}' from '{from}' with a type other than {}.",
                    known.ty(&store)
                )));
            }
            (None, _) => {
                return Err(bad_import(format!(
                    "Module imports function '{name}' from '{from}' that is not exported by the runtime."
                )));
            }
        }
    }
    linker.instantiate_pre(module).map_err(|error| bad_import(format!("{error:#}")))
}

fn bad_import(what: String) -> Fault {
    Fault::InvalidWasm(format!("Wasm module has an invalid import section. {what}"))
}

/// Returns the linker of the process.
fn linker() -> Result<&'static Linker<HostState>, Fault> {
    static LINKER: OnceLock<Result<Linker<HostState>, String>> = OnceLock::new();
    LINKER
        .get_or_init(|| {
            let engine = engine().map_err(|error| error.to_string())?;
            let mut linker = Linker::new(engine);
            let added = message(&mut linker)
                .and_then(|()| response(&mut linker))
                .and_then(|()| stable(&mut linker))
                .and_then(|()| identity(&mut linker))
                .and_then(|()| cycles(&mut linker))
                .and_then(|()| calls(&mut linker));
            added.map(|()| linker).map_err(|error| format!("{error:#}"))
        })
        .as_ref()
        .map_err(|error| Fault::Engine(error.clone()))
}

type Host<'a> = Caller<'a, HostState>;

/// Calls a function that does not access the heap.
fn plain<R>(mut host: Host<'_>, fixed: u64, run: impl FnOnce(&mut Message) -> Result<R, Fault>) -> Result<R> {
    charge(&mut host, fixed)?;
    Ok(run(host.data_mut().message()?)?)
}

/// Calls a function that reads or writes the heap.
fn on_heap<R>(
    mut host: Host<'_>,
    charged: u64,
    run: impl FnOnce(&mut Message, &mut [u8]) -> Result<R, Fault>,
) -> Result<R> {
    charge(&mut host, charged)?;
    let (heap, state) = split(&mut host)?;
    Ok(run(state.message()?, heap)?)
}

fn split<'a>(host: &'a mut Host<'_>) -> Result<(&'a mut [u8], &'a mut HostState), Fault> {
    let memory =
        host.data().memory.ok_or_else(|| Fault::Contract("WebAssembly module must define memory".into()))?;
    Ok(memory.data_and_store_mut(host))
}

/// Returns the charge for copying `size` bytes.
fn copy(size: u32) -> u64 {
    api::MOST + u64::from(size)
}

/// Returns the charge for sending `size` bytes.
fn send(size: u32) -> u64 {
    api::MOST + crate::cost::PER_BYTE_SENT * u64::from(size)
}

fn message(linker: &mut Linker<HostState>) -> Result<()> {
    linker
        .func_wrap(IC0, "msg_arg_data_size", |host: Host<'_>| {
            plain(host, api::MOST, |m| m.msg_arg_data_size())
        })?
        .func_wrap(IC0, "msg_arg_data_copy", |host: Host<'_>, dst: u32, offset: u32, size: u32| {
            on_heap(host, copy(size), |m, heap| m.msg_arg_data_copy(heap, (dst, offset, size)))
        })?
        .func_wrap(IC0, "msg_caller_size", |host: Host<'_>| plain(host, api::MOST, |m| m.msg_caller_size()))?
        .func_wrap(IC0, "msg_caller_copy", |host: Host<'_>, dst: u32, offset: u32, size: u32| {
            on_heap(host, copy(size), |m, heap| m.msg_caller_copy(heap, (dst, offset, size)))
        })?
        .func_wrap(IC0, "msg_deadline", |host: Host<'_>| plain(host, api::MOST, |m| m.msg_deadline()))?
        .func_wrap(IC0, "msg_method_name_size", |host: Host<'_>| {
            plain(host, api::MOST, |m| m.msg_method_name_size())
        })?
        .func_wrap(IC0, "msg_method_name_copy", |host: Host<'_>, dst: u32, offset: u32, size: u32| {
            on_heap(host, copy(size), |m, heap| m.msg_method_name_copy(heap, (dst, offset, size)))
        })?
        .func_wrap(IC0, "accept_message", |host: Host<'_>| plain(host, api::MOST, |m| m.accept_message()))?
        .func_wrap(IC0, "time", |host: Host<'_>| plain(host, api::MOST, |m| m.time()))?
        .func_wrap(IC0, "global_timer_set", |host: Host<'_>, time: u64| {
            plain(host, api::MOST, |m| m.global_timer_set(time))
        })?
        .func_wrap(IC0, "performance_counter", performance_counter)?
        .func_wrap(IC0, "debug_print", debug_print)?
        .func_wrap(IC0, "trap", trap)?;
    Ok(())
}

/// Counter 0 belongs to the message, counter 1 to the call context, which is the same here.
fn performance_counter(mut host: Host<'_>, counter: u32) -> Result<u64> {
    charge(&mut host, api::PERFORMANCE_COUNTER)?;
    if counter > 1 {
        return Err(Fault::Contract(format!("Error getting performance counter type {counter}")).into());
    }
    let fuel = host.get_fuel()?;
    // A replica has charged the whole segment of each function on the stack.
    let ahead: u64 = WasmBacktrace::force_capture(&host)
        .frames()
        .iter()
        .filter_map(|frame| frame.module_offset())
        .map(|offset| host.data().segments.rest(offset))
        .sum();
    Ok(host.data().used(fuel) + ahead)
}

fn debug_print(mut host: Host<'_>, src: u32, size: u32) -> Result<()> {
    let logging = host.data_mut().message()?.log_charge(size);
    on_heap(host, api::DEBUG_PRINT + logging, |m, heap| {
        m.debug_print(heap, src, size);
        Ok(())
    })
}

fn trap(mut host: Host<'_>, src: u32, size: u32) -> Result<()> {
    let logging = host.data_mut().message()?.log_charge(size);
    on_heap(host, copy(size) + logging, |_, heap| Err(Message::trap(heap, src, size)))
}

fn response(linker: &mut Linker<HostState>) -> Result<()> {
    linker
        .func_wrap(IC0, "msg_reply_data_append", |host: Host<'_>, src: u32, size: u32| {
            on_heap(host, send(size), |m, heap| m.msg_reply_data_append(heap, src, size))
        })?
        .func_wrap(IC0, "msg_reply", |host: Host<'_>| plain(host, api::MOST, |m| m.msg_reply()))?
        .func_wrap(IC0, "msg_reject", |host: Host<'_>, src: u32, size: u32| {
            on_heap(host, send(size), |m, heap| m.msg_reject(heap, src, size))
        })?
        .func_wrap(IC0, "msg_reject_code", |host: Host<'_>| {
            plain(host, api::MOST, |m| m.callback_only("msg_reject_code").map(|()| 0_u32))
        })?
        .func_wrap(IC0, "msg_reject_msg_size", |host: Host<'_>| {
            plain(host, api::MOST, |m| m.callback_only("msg_reject_msg_size").map(|()| 0_u32))
        })?
        .func_wrap(IC0, "msg_reject_msg_copy", |host: Host<'_>, _dst: u32, _offset: u32, size: u32| {
            plain(host, copy(size), |m| m.callback_only("msg_reject_msg_copy"))
        })?;
    Ok(())
}

fn stable(linker: &mut Linker<HostState>) -> Result<()> {
    linker
        .func_wrap(IC0, "stable64_size", |host: Host<'_>| {
            plain(host, api::STABLE_SIZE, |m| Ok(m.stable64_size()))
        })?
        .func_wrap(IC0, "stable64_grow", |host: Host<'_>, pages: u64| {
            plain(host, api::STABLE_GROW, |m| Ok(m.stable64_grow(pages)))
        })?
        .func_wrap(IC0, "stable64_write", |mut host: Host<'_>, offset: u64, src: u64, size: u64| {
            let (heap, state) = split(&mut host)?;
            let checked = state.message()?.check_write(heap, offset, src, size)?;
            on_heap(host, checked.charge.saturating_add(api::STABLE_COPY), |m, heap| {
                m.stable64_write(heap, offset, checked)
            })
        })?
        .func_wrap(IC0, "stable64_read", |mut host: Host<'_>, dst: u64, offset: u64, size: u64| {
            let (heap, state) = split(&mut host)?;
            let checked = state.message()?.check_read(heap, dst, offset, size)?;
            on_heap(host, checked.charge.saturating_add(api::STABLE_COPY), |m, heap| {
                m.stable64_read(heap, offset, checked)
            })
        })?;
    Ok(())
}

fn identity(linker: &mut Linker<HostState>) -> Result<()> {
    linker
        .func_wrap(IC0, "canister_self_size", |host: Host<'_>| {
            plain(host, api::MOST, |m| m.canister_self_size())
        })?
        .func_wrap(IC0, "canister_self_copy", |host: Host<'_>, dst: u32, offset: u32, size: u32| {
            on_heap(host, copy(size), |m, heap| m.canister_self_copy(heap, (dst, offset, size)))
        })?
        .func_wrap(IC0, "subnet_self_size", |host: Host<'_>| {
            plain(host, api::MOST, |m| m.subnet_self_size())
        })?
        .func_wrap(IC0, "subnet_self_copy", |host: Host<'_>, dst: u32, offset: u32, size: u32| {
            on_heap(host, copy(size), |m, heap| m.subnet_self_copy(heap, (dst, offset, size)))
        })?
        .func_wrap(IC0, "root_key_size", |host: Host<'_>| plain(host, api::MOST, |m| m.root_key_size()))?
        .func_wrap(IC0, "root_key_copy", |host: Host<'_>, dst: u32, offset: u32, size: u32| {
            on_heap(host, copy(size), |m, heap| m.root_key_copy(heap, (dst, offset, size)))
        })?
        .func_wrap(IC0, "canister_status", |host: Host<'_>| plain(host, api::MOST, |m| m.canister_status()))?
        .func_wrap(IC0, "canister_version", |host: Host<'_>| {
            plain(host, api::MOST, |m| m.canister_version())
        })?
        .func_wrap(IC0, "in_replicated_execution", |host: Host<'_>| {
            plain(host, api::MOST, |m| Ok(m.in_replicated_execution()))
        })?
        .func_wrap(IC0, "is_controller", |host: Host<'_>, src: u32, size: u32| {
            on_heap(host, api::IS_CONTROLLER + u64::from(size), |m, heap| m.is_controller(heap, src, size))
        })?
        .func_wrap(IC0, "certified_data_set", |host: Host<'_>, src: u32, size: u32| {
            on_heap(host, copy(size), |m, heap| m.certified_data_set(heap, src, size))
        })?
        .func_wrap(IC0, "data_certificate_present", |host: Host<'_>| {
            plain(host, api::MOST, |m| m.data_certificate_present())
        })?
        .func_wrap(IC0, "data_certificate_size", |host: Host<'_>| {
            plain(host, api::MOST, |m| m.data_certificate_size())
        })?
        .func_wrap(IC0, "data_certificate_copy", |host: Host<'_>, dst: u32, offset: u32, size: u32| {
            on_heap(host, copy(size), |m, heap| m.data_certificate_copy(heap, (dst, offset, size)))
        })?;
    Ok(())
}

fn cycles(linker: &mut Linker<HostState>) -> Result<()> {
    let wide = |high: u64, low: u64| u128::from(high) << 64 | u128::from(low);
    linker
        .func_wrap(IC0, "canister_cycle_balance128", |host: Host<'_>, dst: u32| {
            on_heap(host, api::MOST, |m, heap| m.canister_cycle_balance128(heap, dst))
        })?
        .func_wrap(IC0, "canister_liquid_cycle_balance128", |host: Host<'_>, dst: u32| {
            on_heap(host, api::MOST, |m, heap| m.canister_liquid_cycle_balance128(heap, dst))
        })?
        .func_wrap(IC0, "msg_cycles_available128", |host: Host<'_>, dst: u32| {
            on_heap(host, api::MOST, |m, heap| m.msg_cycles_available128(heap, dst))
        })?
        .func_wrap(IC0, "msg_cycles_refunded128", |host: Host<'_>, _dst: u32| {
            plain(host, api::MOST, |m| m.callback_only("msg_cycles_refunded128"))
        })?
        .func_wrap(IC0, "msg_cycles_accept128", |host: Host<'_>, _high: u64, _low: u64, dst: u32| {
            on_heap(host, api::MOST, |m, heap| m.msg_cycles_accept128(heap, dst))
        })?
        .func_wrap(IC0, "cycles_burn128", move |host: Host<'_>, high: u64, low: u64, dst: u32| {
            on_heap(host, api::CYCLES_BURN, |m, heap| m.cycles_burn128(heap, wide(high, low), dst))
        })?
        .func_wrap(IC0, "cost_call", |host: Host<'_>, name: u64, payload: u64, dst: u32| {
            on_heap(host, api::MOST, |_, heap| Message::cost_call(heap, name, payload, dst))
        })?;
    Ok(())
}

/// Outgoing calls can be linked, because every canister of ic-cdk imports them, but not made.
fn calls(linker: &mut Linker<HostState>) -> Result<()> {
    linker
        .func_wrap(
            IC0,
            "call_new",
            |host: Host<'_>, _: u32, callee: u32, _: u32, name: u32, _: u32, _: u32, _: u32, _: u32| {
                let bytes = u64::from(callee) + u64::from(name);
                plain(host, api::CALL_NEW + bytes, |m| m.outgoing_call("call_new"))
            },
        )?
        .func_wrap(IC0, "call_on_cleanup", |host: Host<'_>, _fun: u32, _env: u32| {
            plain(host, api::MOST, |m| m.outgoing_call("call_on_cleanup"))
        })?
        .func_wrap(IC0, "call_data_append", |host: Host<'_>, _src: u32, size: u32| {
            plain(host, send(size), |m| m.outgoing_call("call_data_append"))
        })?
        .func_wrap(IC0, "call_with_best_effort_response", |host: Host<'_>, _seconds: u32| {
            plain(host, api::MOST, |m| m.outgoing_call("call_with_best_effort_response"))
        })?
        .func_wrap(IC0, "call_cycles_add128", |host: Host<'_>, _high: u64, _low: u64| {
            plain(host, api::MOST, |m| m.outgoing_call("call_cycles_add128"))
        })?
        .func_wrap(IC0, "call_perform", |host: Host<'_>| {
            plain(host, api::CALL_PERFORM, |m| m.outgoing_call("call_perform").map(|()| 0_u32))
        })?;
    Ok(())
}
