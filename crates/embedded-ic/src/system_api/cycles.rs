//! Cycles. Nothing is charged; the balance changes only when the canister burns cycles.

use super::Message;
use super::heap_bytes::write_u128;
use super::kind::{ALL_BUT_START, BURNS_CYCLES, HAS_CYCLES};
use crate::fault::Fault;

/// Cost of a call on a 13-node subnet: the fee, the maximum reply, and the maximum execution of the callback.
const CALL_FEE: u128 = 260_000;
const BYTE_FEE: u128 = 1_000;
const LONGEST_ANSWER_BYTES: u128 = 2 * 1_024 * 1_024;
const CALLBACK_FEE: u128 = 5_000_000 + 40_000_000_000;

impl Message {
    pub(super) fn canister_cycle_balance128(&self, heap: &mut [u8], dst: u32) -> Result<(), Fault> {
        self.kind.allows("canister_cycle_balance128", ALL_BUT_START)?;
        write_u128("canister_cycle_balance128", self.env.cycles, heap, dst)
    }

    /// All cycles are liquid: this host freezes none.
    pub(super) fn canister_liquid_cycle_balance128(&self, heap: &mut [u8], dst: u32) -> Result<(), Fault> {
        self.kind.allows("canister_liquid_cycle_balance128", ALL_BUT_START)?;
        write_u128("canister_liquid_cycle_balance128", self.env.cycles, heap, dst)
    }

    /// Cycles of the message: none, because users cannot send any.
    pub(super) fn msg_cycles_available128(&self, heap: &mut [u8], dst: u32) -> Result<(), Fault> {
        self.kind.allows("msg_cycles_available128", HAS_CYCLES)?;
        write_u128("msg_cycles_available128", 0, heap, dst)
    }

    /// Accepts cycles of the message: none.
    pub(super) fn msg_cycles_accept128(&self, heap: &mut [u8], dst: u32) -> Result<(), Fault> {
        self.kind.allows("msg_cycles_accept128", HAS_CYCLES)?;
        write_u128("msg_cycles_accept128", 0, heap, dst)
    }

    pub(super) fn cycles_burn128(&mut self, heap: &mut [u8], amount: u128, dst: u32) -> Result<(), Fault> {
        self.kind.allows("cycles_burn128", BURNS_CYCLES)?;
        let burned = amount.min(self.env.cycles);
        write_u128("cycles_burn128", burned, heap, dst)?;
        self.env.cycles -= burned;
        Ok(())
    }

    pub(super) fn cost_call(heap: &mut [u8], name: u64, payload: u64, dst: u32) -> Result<(), Fault> {
        let bytes = u128::from(name) + u128::from(payload) + LONGEST_ANSWER_BYTES;
        write_u128("cost_call", CALL_FEE + BYTE_FEE * bytes + CALLBACK_FEE, heap, dst)
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::test_message;
    use super::*;
    use crate::system_api::Kind;

    fn number(heap: &[u8; 16]) -> u128 {
        u128::from_le_bytes(*heap)
    }

    #[test]
    fn burning_is_limited_by_the_balance() {
        let mut heap = [0; 16];
        let mut message = test_message(Kind::Update);
        message.cycles_burn128(&mut heap, 5, 0).unwrap();
        assert_eq!(number(&heap), 5);
        message.canister_cycle_balance128(&mut heap, 0).unwrap();
        assert_eq!(number(&heap), (1 << 70) - 5);
        message.cycles_burn128(&mut heap, u128::MAX, 0).unwrap();
        assert_eq!(number(&heap), (1 << 70) - 5);
        message.canister_liquid_cycle_balance128(&mut heap, 0).unwrap();
        assert_eq!(number(&heap), 0);
    }

    #[test]
    fn a_bad_pointer_burns_nothing() {
        let mut message = test_message(Kind::Update);
        assert!(message.cycles_burn128(&mut [0; 15], 5, 0).is_err());
        assert_eq!(message.env.cycles, 1 << 70);
        assert!(test_message(Kind::Query).cycles_burn128(&mut [0; 16], 5, 0).is_err());
    }

    #[test]
    fn users_send_no_cycles() {
        let mut heap = [1; 16];
        let message = test_message(Kind::Update);
        message.msg_cycles_available128(&mut heap, 0).unwrap();
        assert_eq!(number(&heap), 0);
        heap = [1; 16];
        message.msg_cycles_accept128(&mut heap, 0).unwrap();
        assert_eq!(number(&heap), 0);
        assert!(test_message(Kind::Query).msg_cycles_available128(&mut heap, 0).is_err());
    }

    #[test]
    fn call_costs_about_42_billion() {
        let mut heap = [0; 16];
        Message::cost_call(&mut heap, 3, 7, 0).unwrap();
        assert_eq!(number(&heap), 260_000 + 1_000 * (2_097_152 + 10) + 40_005_000_000);
        Message::cost_call(&mut heap, u64::MAX, u64::MAX, 0).unwrap();
        assert!(number(&heap) > u128::from(u64::MAX));
    }
}
