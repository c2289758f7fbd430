//! Encoding of the small state: little-endian numbers, and byte strings with a length prefix.

use candid::Principal;

use crate::committed::{Committed, GlobalValue};
use crate::log::Log;
use crate::outcome::LogRecord;
use crate::system_api::CanisterEnv;

/// Encodes the state.
pub(super) fn encode(state: &Committed) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let CanisterEnv {
        canister_id,
        controllers,
        time_ns,
        version,
        certified_data,
        global_timer_ns,
        cycles,
        running,
    } = &state.env;
    bytes(&mut out, canister_id.as_slice());
    count(&mut out, controllers.len());
    for controller in controllers {
        bytes(&mut out, controller.as_slice());
    }
    out.extend(time_ns.to_le_bytes());
    out.extend(version.to_le_bytes());
    bytes(&mut out, certified_data);
    out.extend(global_timer_ns.to_le_bytes());
    out.extend(cycles.to_le_bytes());
    out.push(u8::from(*running));
    out.push(u8::from(state.module.is_some()));
    out.extend(state.module.unwrap_or_default());
    count(&mut out, state.globals.len());
    for global in &state.globals {
        encode_global(&mut out, *global);
    }
    out.extend(state.heap_pages.to_le_bytes());
    out.extend(state.stable_pages.to_le_bytes());
    out.extend(state.log.next_index.to_le_bytes());
    count(&mut out, state.log.records.len());
    for record in &state.log.records {
        out.extend(record.index.to_le_bytes());
        out.extend(record.time_ns.to_le_bytes());
        bytes(&mut out, &record.bytes);
    }
    out
}

/// Decodes a state from all of the bytes; `None` if they are invalid.
pub(super) fn decode(input: &[u8]) -> Option<Committed> {
    let mut input = Input(input);
    let env = CanisterEnv {
        canister_id: input.principal()?,
        controllers: (0..input.count()?).map(|_| input.principal()).collect::<Option<_>>()?,
        time_ns: input.u64()?,
        version: input.u64()?,
        certified_data: input.bytes()?.to_vec(),
        global_timer_ns: input.u64()?,
        cycles: u128::from_le_bytes(input.array()?),
        running: input.flag()?,
    };
    let installed = input.flag()?;
    let hash = input.array()?;
    let state = Committed {
        env,
        module: installed.then_some(hash),
        globals: (0..input.count()?).map(|_| input.global()).collect::<Option<_>>()?,
        heap_pages: input.u64()?,
        stable_pages: input.u64()?,
        log: input.log()?,
    };
    input.0.is_empty().then_some(state)
}

fn count(out: &mut Vec<u8>, len: usize) {
    out.extend((len as u32).to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    count(out, bytes.len());
    out.extend(bytes);
}

fn encode_global(out: &mut Vec<u8>, global: GlobalValue) {
    let (tag, bits) = match global {
        GlobalValue::I32(value) => (0, u128::from(value.cast_unsigned())),
        GlobalValue::I64(value) => (1, u128::from(value.cast_unsigned())),
        GlobalValue::F32(bits) => (2, u128::from(bits)),
        GlobalValue::F64(bits) => (3, u128::from(bits)),
        GlobalValue::V128(bits) => (4, bits),
    };
    out.push(tag);
    out.extend(bits.to_le_bytes());
}

/// Remaining input.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.array()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    /// Decodes a number of items of at least one byte each. More than the remaining bytes is invalid.
    fn count(&mut self) -> Option<usize> {
        let count = u32::from_le_bytes(self.array()?) as usize;
        (count <= self.0.len()).then_some(count)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.count()?;
        self.take(len)
    }

    fn principal(&mut self) -> Option<Principal> {
        Principal::try_from_slice(self.bytes()?).ok()
    }

    fn global(&mut self) -> Option<GlobalValue> {
        let [tag] = self.array()?;
        let bits = u128::from_le_bytes(self.array()?);
        match tag {
            0 => Some(GlobalValue::I32(u32::try_from(bits).ok()?.cast_signed())),
            1 => Some(GlobalValue::I64(u64::try_from(bits).ok()?.cast_signed())),
            2 => Some(GlobalValue::F32(bits.try_into().ok()?)),
            3 => Some(GlobalValue::F64(bits.try_into().ok()?)),
            4 => Some(GlobalValue::V128(bits)),
            _ => None,
        }
    }

    fn log(&mut self) -> Option<Log> {
        let next_index = self.u64()?;
        let records = (0..self.count()?)
            .map(|_| {
                Some(LogRecord { index: self.u64()?, time_ns: self.u64()?, bytes: self.bytes()?.to_vec() })
            })
            .collect::<Option<_>>()?;
        Some(Log::restore(records, next_index))
    }
}

#[cfg(test)]
pub(super) fn test_state() -> Committed {
    let mut log = Log::default();
    log.push(3, b"one");
    log.push(4, b"");
    Committed {
        env: CanisterEnv {
            canister_id: Principal::from_slice(&[1, 2]),
            controllers: vec![Principal::from_slice(&[3; 29]), Principal::anonymous()],
            time_ns: 0x0102_0304_0506_0708,
            version: 9,
            certified_data: vec![5; 32],
            global_timer_ns: 10,
            cycles: 1 << 100,
            running: true,
        },
        log,
        module: Some([7; 32]),
        globals: vec![
            GlobalValue::I32(-1),
            GlobalValue::I64(i64::MIN),
            GlobalValue::F32(0x7fc0_0000),
            GlobalValue::F64(1),
            GlobalValue::V128(u128::MAX),
        ],
        heap_pages: 17,
        stable_pages: 8_192_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_round_trips() {
        let state = test_state();
        assert_eq!(decode(&encode(&state)).unwrap(), state);
        let empty = Committed { module: None, globals: vec![], log: Log::default(), ..state };
        assert_eq!(decode(&encode(&empty)).unwrap(), empty);
    }

    #[test]
    fn truncated_and_extended_bytes_are_rejected() {
        let bytes = encode(&test_state());
        for len in 0..bytes.len() {
            assert!(decode(&bytes[..len]).is_none(), "cut at {len}");
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(decode(&longer).is_none());
    }

    #[test]
    fn impossible_counts_are_rejected() {
        assert!(decode(&[0xff; 64]).is_none());
    }
}
