//! Costs of instructions and of calls of the System API: the replica's table, in the form of wasmtime's fuel.
//!
//! wasmtime and a replica both charge one more instruction on entering a function, so a call of a function costs 6.

use wasmtime::OperatorCost;

/// Part of the 300 instructions of `memory.grow` and `table.grow` that exceeds wasmtime's `u8`.
pub(crate) const GROW_REST: u64 = 300 - GROW_IN_TABLE as u64;
const GROW_IN_TABLE: u8 = 250;

/// Cost per byte of replies, rejects and printed lines.
pub(crate) const PER_BYTE_SENT: u64 = 50;
/// Cost per page of stable memory that a message writes for the first time.
pub(crate) const PER_STABLE_PAGE_WRITTEN: u64 = 1_000;

/// Fixed costs of the System API.
pub(crate) mod api {
    pub(crate) const MOST: u64 = 500;
    pub(crate) const STABLE_SIZE: u64 = 0;
    pub(crate) const STABLE_GROW: u64 = 100;
    pub(crate) const STABLE_COPY: u64 = 20;
    pub(crate) const PERFORMANCE_COUNTER: u64 = 200;
    pub(crate) const IS_CONTROLLER: u64 = 1_000;
    pub(crate) const DEBUG_PRINT: u64 = 100;
    pub(crate) const CYCLES_BURN: u64 = 100;
    pub(crate) const CALL_NEW: u64 = 1_500;
    pub(crate) const CALL_PERFORM: u64 = 5_000;
}

/// Returns the cost of a log line: storing and sending it, as far as the ring has space.
pub(crate) fn log_line(len: u64, ring_bytes: u64, ring_free: u64) -> u64 {
    2 * len.min(ring_bytes) + PER_BYTE_SENT * len.min(ring_free)
}

macro_rules! set {
    ($table:ident: $($cost:expr => $($operator:ident),+;)+) => { $($($table.$operator = $cost;)+)+ };
}

/// Returns the cost of each wasm operator. Operators that are not named cost 1.
pub(crate) fn operators() -> OperatorCost {
    let mut table = OperatorCost::new();
    set!(table:
        0 => Block, Loop, Else, End;
        1 => Nop, Drop, Unreachable, Return;
        2 => GlobalGet, GlobalSet, If, Br, BrIf, BrTable;
        5 => Call;
        10 => CallIndirect;
        3 => ReturnCall;
        60 => ReturnCallIndirect;
        5 => TableGet, TableSet, RefIsNull;
        130 => RefFunc;
        10 => I32DivS, I32DivU, I32RemS, I32RemU, I64DivS, I64DivU, I64RemS, I64RemU;
        20 => MemorySize;
        100 => TableSize, MemoryFill, MemoryCopy, MemoryInit, TableFill, TableCopy, TableInit;
        // A replica charges 300, more than a u8 holds. The limiter adds the rest for the two grow operators; compilers do not
        // emit the two drop operators outside threaded programs.
        GROW_IN_TABLE => MemoryGrow, TableGrow;
        u8::MAX => DataDrop, ElemDrop;
    );
    set_floats(&mut table);
    set_vectors(&mut table);
    table
}

fn set_floats(table: &mut OperatorCost) {
    set!(table:
        2 => F32Add, F32Sub, F32Mul, F32Ceil, F32Floor, F32Trunc, F32Nearest, F32Copysign;
        2 => F64Add, F64Sub, F64Mul, F64Ceil, F64Floor, F64Trunc, F64Nearest;
        3 => F32Div, F64Copysign;
        5 => F64Div, F32Sqrt;
        8 => F64Sqrt;
        18 => F32Min, F32Max, F64Min, F64Max;
        3 => F32Eq, F32Ne, F32Lt, F32Gt, F32Le, F32Ge, F64Eq, F64Ne, F64Lt, F64Gt, F64Le, F64Ge;
        3 => F32ConvertI32S, F32ConvertI64S, F64ConvertI32S, F64ConvertI64S;
        16 => F32ConvertI32U, F32ConvertI64U, F64ConvertI32U, F64ConvertI64U;
        20 => I32TruncF32S, I32TruncF32U, I32TruncF64S, I32TruncF64U;
        20 => I64TruncF32S, I64TruncF32U, I64TruncF64S, I64TruncF64U;
        20 => I32TruncSatF32S, I32TruncSatF32U, I32TruncSatF64S, I32TruncSatF64U;
        20 => I64TruncSatF32S, I64TruncSatF32U, I64TruncSatF64S, I64TruncSatF64U;
    );
}

fn set_vectors(table: &mut OperatorCost) {
    set!(table:
        2 => I8x16LtU, I8x16GtU, I16x8LtU, I16x8GtU, I32x4LtU, I32x4GtU;
        3 => I8x16Shuffle, I8x16Popcnt, I8x16Shl, I8x16ShrS;
        2 => I8x16ShrU, I16x8Shl, I16x8ShrS, I16x8ShrU, I32x4Shl, I32x4ShrS, I32x4ShrU, I64x2Shl, I64x2ShrU;
        2 => I16x8ExtAddPairwiseI8x16U, I16x8ExtMulHighI8x16S, I16x8ExtMulHighI8x16U, I32x4Mul;
        2 => I32x4ExtMulLowI16x8S, I32x4ExtMulHighI16x8S, I32x4ExtMulLowI16x8U, I32x4ExtMulHighI16x8U;
        3 => I32x4ExtAddPairwiseI16x8U, I64x2ShrS;
        4 => I64x2Mul;
        2 => F32x4Ceil, F32x4Floor, F32x4Trunc, F32x4Nearest, F32x4Abs, F32x4Neg, F32x4Add, F32x4Sub, F32x4Mul;
        2 => F64x2Ceil, F64x2Floor, F64x2Trunc, F64x2Nearest, F64x2Abs, F64x2Neg, F64x2Add, F64x2Sub, F64x2Mul;
        4 => F32x4Min, F32x4Max, F64x2Min, F32x4ConvertI32x4U, I32x4TruncSatF32x4U;
        5 => F32x4Sqrt, F64x2Max;
        10 => F32x4Div;
        12 => F64x2Div;
        14 => F64x2Sqrt;
        2 => I32x4TruncSatF32x4S, I32x4TruncSatF64x2SZero;
        3 => I32x4TruncSatF64x2UZero;
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_costs_three_hundred() {
        assert_eq!(u64::from(operators().MemoryGrow) + GROW_REST, 300);
        assert_eq!(u64::from(operators().TableGrow) + GROW_REST, 300);
    }

    #[test]
    fn log_line_costs_only_the_bytes_that_fit() {
        assert_eq!(log_line(10, 4_096, 4_096), 20 + 500);
        assert_eq!(log_line(10_000, 4_096, 100), 2 * 4_096 + 50 * 100);
    }
}
