//! Message in execution: sender and argument, visible state, and effects so far.

use std::sync::Arc;

use candid::Principal;

use super::heap_bytes::{copy_out, slice};
use super::kind::{ALL_BUT_START, CHANGES_STATE, HAS_ARGUMENT, HAS_REPLY, INSPECTS, MAKES_CALLS};
use super::{Kind, Response};
use crate::cost;
use crate::fault::Fault;
use crate::limits::{LOG_RING_BYTES, Limits};
use crate::signer::Certifier;
use crate::stable::StableMemory;

/// Most bytes of the text of `ic0.trap`.
const MAX_TRAP_MESSAGE_BYTES: u32 = 16 * 1_024;

/// State that the canister can see and change, besides heap and stable memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CanisterEnv {
    pub(crate) canister_id: Principal,
    pub(crate) controllers: Vec<Principal>,
    pub(crate) time_ns: u64,
    pub(crate) version: u64,
    pub(crate) certified_data: Vec<u8>,
    pub(crate) global_timer_ns: u64,
    pub(crate) cycles: u128,
    pub(crate) running: bool,
}

/// Message in execution.
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) caller: Principal,
    pub(crate) arg: Arc<Vec<u8>>,
    pub(crate) method: String,
    pub(crate) env: CanisterEnv,
    pub(crate) stable: StableMemory,
    pub(crate) limits: Arc<Limits>,
    pub(crate) response: Response,
    /// Whether `accept_message` was called.
    pub(crate) accepted: bool,
    /// Lines for the canister log.
    pub(crate) printed: Vec<Vec<u8>>,
    printed_bytes: usize,
    /// Receives the lines of a query.
    pub(crate) query_print: Option<fn(&[u8])>,
    /// Signs for the host that runs the message.
    pub(super) certifier: Certifier,
    /// The data certificate of a query, once the canister has asked for it; none within if nothing can be signed.
    pub(super) certificate: Option<Option<Vec<u8>>>,
}

impl Message {
    pub(crate) fn new(
        kind: Kind,
        env: CanisterEnv,
        stable: StableMemory,
        limits: Arc<Limits>,
        certifier: Certifier,
    ) -> Self {
        Self {
            kind,
            caller: Principal::management_canister(),
            arg: Arc::default(),
            method: String::new(),
            env,
            stable,
            limits,
            response: Response::Open(Vec::new()),
            accepted: false,
            printed: Vec::new(),
            printed_bytes: 0,
            query_print: None,
            certifier,
            certificate: None,
        }
    }

    pub(super) fn msg_arg_data_size(&self) -> Result<u32, Fault> {
        self.kind.allows("msg_arg_data_size", HAS_ARGUMENT)?;
        Ok(self.arg.len() as u32)
    }

    pub(super) fn msg_arg_data_copy(&self, heap: &mut [u8], at: (u32, u32, u32)) -> Result<(), Fault> {
        self.kind.allows("msg_arg_data_copy", HAS_ARGUMENT)?;
        copy_out("msg_arg_data_copy", &self.arg, heap, at)
    }

    pub(super) fn msg_caller_size(&self) -> Result<u32, Fault> {
        self.kind.allows("msg_caller_size", ALL_BUT_START)?;
        Ok(self.caller.as_slice().len() as u32)
    }

    pub(super) fn msg_caller_copy(&self, heap: &mut [u8], at: (u32, u32, u32)) -> Result<(), Fault> {
        self.kind.allows("msg_caller_copy", ALL_BUT_START)?;
        copy_out("msg_caller_copy", self.caller.as_slice(), heap, at)
    }

    /// Returns the deadline of the call: 0, which means none.
    pub(super) fn msg_deadline(&self) -> Result<u64, Fault> {
        self.kind.allows("msg_deadline", HAS_REPLY)?;
        Ok(0)
    }

    pub(super) fn msg_method_name_size(&self) -> Result<u32, Fault> {
        self.kind.allows("msg_method_name_size", INSPECTS)?;
        Ok(self.method.len() as u32)
    }

    pub(super) fn msg_method_name_copy(&self, heap: &mut [u8], at: (u32, u32, u32)) -> Result<(), Fault> {
        self.kind.allows("msg_method_name_copy", INSPECTS)?;
        copy_out("msg_method_name_copy", self.method.as_bytes(), heap, at)
    }

    pub(super) fn accept_message(&mut self) -> Result<(), Fault> {
        self.kind.allows("accept_message", INSPECTS)?;
        if std::mem::replace(&mut self.accepted, true) {
            return Err(Fault::Contract("ic0.accept_message: the function was already called.".into()));
        }
        Ok(())
    }

    pub(super) fn time(&self) -> Result<u64, Fault> {
        self.kind.allows("time", ALL_BUT_START)?;
        Ok(self.env.time_ns)
    }

    /// Sets the timer and returns its previous value. Timers never fire in this host.
    pub(super) fn global_timer_set(&mut self, time_ns: u64) -> Result<u64, Fault> {
        self.kind.allows("global_timer_set", CHANGES_STATE)?;
        Ok(std::mem::replace(&mut self.env.global_timer_ns, time_ns))
    }

    /// Rejects all functions that prepare and make outgoing calls.
    pub(super) fn outgoing_call(&self, function: &str) -> Result<(), Fault> {
        self.kind.allows(function, MAKES_CALLS)?;
        Err(Fault::Contract(format!(
            "ic0.{function}: this host runs a single canister and does not support calls; use PocketIC"
        )))
    }

    /// Returns the cost of printing `len` bytes, beyond the fixed part.
    pub(super) fn log_charge(&self, len: u32) -> u64 {
        let free = LOG_RING_BYTES.saturating_sub(self.printed_bytes);
        cost::log_line(u64::from(len), LOG_RING_BYTES as u64, free as u64)
    }

    pub(super) fn debug_print(&mut self, heap: &[u8], src: u32, len: u32) {
        let line =
            slice("ic0.debug_print", src, len, heap).unwrap_or(b"(debug_print message out of memory bounds)");
        let line = line[..line.len().min(LOG_RING_BYTES)].to_vec();
        if let Some(print) = self.query_print.filter(|_| !self.kind.is_replicated()) {
            print(&line);
        }
        self.printed_bytes += line.len();
        self.printed.push(line);
    }

    pub(super) fn trap(heap: &[u8], src: u32, len: u32) -> Fault {
        let text = slice("ic0.trap", src, len.min(MAX_TRAP_MESSAGE_BYTES), heap)
            .unwrap_or(b"(trap message out of memory bounds)");
        Fault::CalledTrap(String::from_utf8_lossy(text).into_owned())
    }
}

#[cfg(test)]
pub(super) fn test_message(kind: Kind) -> Message {
    let env = CanisterEnv {
        canister_id: Principal::from_slice(&[1, 2, 3]),
        controllers: vec![Principal::from_slice(&[7; 5])],
        time_ns: 1_000,
        version: 3,
        certified_data: vec![],
        global_timer_ns: 0,
        cycles: 1 << 70,
        running: true,
    };
    let stable = StableMemory::new(Box::new(crate::stable::MemoryStore::default()), 0);
    let mut message = Message::new(kind, env, stable, Arc::new(Limits::default()), Certifier::default());
    message.caller = Principal::anonymous();
    message.arg = Arc::new(b"argument".to_vec());
    message.method = "method".into();
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn update_reads_its_argument_and_caller() {
        let message = test_message(Kind::Update);
        let mut heap = [0; 10];
        assert_eq!(message.msg_arg_data_size().unwrap(), 8);
        message.msg_arg_data_copy(&mut heap, (1, 0, 8)).unwrap();
        assert_eq!(&heap, b"\0argument\0");
        assert!(message.msg_arg_data_copy(&mut heap, (0, 1, 8)).is_err());
        assert_eq!(message.msg_caller_size().unwrap(), 1);
        message.msg_caller_copy(&mut heap, (9, 0, 1)).unwrap();
        assert_eq!(heap[9], 4);
        assert_eq!(message.time().unwrap(), 1_000);
        assert_eq!(message.msg_deadline().unwrap(), 0);
    }

    #[test]
    fn only_inspection_reads_the_method_and_accepts_once() {
        let mut message = test_message(Kind::Inspect);
        let mut heap = [0; 6];
        assert_eq!(message.msg_method_name_size().unwrap(), 6);
        message.msg_method_name_copy(&mut heap, (0, 0, 6)).unwrap();
        assert_eq!(&heap, b"method");
        message.accept_message().unwrap();
        assert!(message.accept_message().unwrap_err().to_string().contains("already called"));
        for kind in [Kind::Update, Kind::Query, Kind::Init, Kind::Start] {
            let mut message = test_message(kind);
            assert!(message.msg_method_name_size().is_err());
            assert!(message.accept_message().is_err());
        }
    }

    #[test]
    fn the_start_function_has_no_message() {
        let mut message = test_message(Kind::Start);
        assert!(
            message.time().unwrap_err().to_string().contains("\"ic0_time\" cannot be executed in start mode")
        );
        assert!(message.msg_caller_size().is_err());
        assert!(message.msg_arg_data_size().is_err());
        assert!(message.global_timer_set(1).is_err());
    }

    #[test]
    fn pre_upgrade_has_no_argument() {
        let message = test_message(Kind::PreUpgrade);
        assert!(message.msg_arg_data_size().is_err());
        assert!(message.msg_caller_size().is_ok());
    }

    #[test]
    fn timer_returns_its_previous_value() {
        let mut message = test_message(Kind::Update);
        assert_eq!(message.global_timer_set(5).unwrap(), 0);
        assert_eq!(message.global_timer_set(6).unwrap(), 5);
        assert!(test_message(Kind::Query).global_timer_set(5).is_err());
    }

    #[test]
    fn calls_are_rejected_with_the_reason() {
        let text = test_message(Kind::Update).outgoing_call("call_new").unwrap_err().to_string();
        assert!(text.contains("does not support calls"), "{text}");
        let text = test_message(Kind::Query).outgoing_call("call_new").unwrap_err().to_string();
        assert!(text.contains("\"ic0_call_new\" cannot be executed in non replicated query mode"), "{text}");
    }

    #[test]
    fn traps_and_prints_take_any_pointer() {
        assert_eq!(Message::trap(b"bang", 1, 2).to_string(), "Canister called `ic0.trap` with message: 'an'");
        assert!(Message::trap(b"bang", 1, 4).to_string().contains("out of memory bounds"));
        let mut message = test_message(Kind::Update);
        message.debug_print(b"line", 0, 4);
        message.debug_print(b"line", u32::MAX, u32::MAX);
        message.debug_print(&[0; 10_000], 0, 10_000);
        assert_eq!(message.printed[0], b"line");
        assert_eq!(message.printed[1], b"(debug_print message out of memory bounds)");
        assert_eq!(message.printed[2].len(), LOG_RING_BYTES);
    }

    #[test]
    fn printing_costs_less_when_the_ring_is_full() {
        let mut message = test_message(Kind::Update);
        assert_eq!(message.log_charge(100), 200 + 5_000);
        message.debug_print(&[0; LOG_RING_BYTES], 0, LOG_RING_BYTES as u32);
        assert_eq!(message.log_charge(100), 200);
    }
}
