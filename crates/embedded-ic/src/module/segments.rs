//! Amounts that a replica has already charged when wasmtime has not.
//!
//! A replica charges a straight-line segment of code when it enters it; wasmtime charges the part before a call when it makes
//! the call. So inside a host function the two differ by the part of the segment after the call, and so on for each caller
//! on the stack. This table has these remainders by the offset of the call.

use wasmtime::OperatorCost;
use wasmtime::wasmparser::{BinaryReaderError, FunctionBody, Operator, Parser, Payload};

/// Remainders of the call instructions that have one.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    /// Offset of the call in the module, and the cost of the rest of its segment. Sorted by offset.
    rests: Vec<(u32, u32)>,
}

impl Segments {
    /// Walks the code of a module.
    pub(super) fn of(wasm: &[u8], costs: &OperatorCost) -> Result<Self, BinaryReaderError> {
        let mut segments = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            if let Payload::CodeSectionEntry(body) = payload? {
                segments.body(&body, costs)?;
            }
        }
        segments.rests.retain(|&(_, rest)| rest > 0);
        Ok(segments)
    }

    fn body(&mut self, body: &FunctionBody<'_>, costs: &OperatorCost) -> Result<(), BinaryReaderError> {
        // Index in `rests` of the first call of the current segment.
        let mut first = self.rests.len();
        let mut cost = 0;
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            let (operator, offset) = reader.read_with_offset()?;
            cost += costs.cost(&operator) as u32;
            if matches!(operator, Operator::Call { .. } | Operator::CallIndirect { .. }) {
                self.rests.push((offset as u32, cost));
            }
            if ends_segment(&operator) || reader.eof() {
                for (_, rest) in &mut self.rests[first..] {
                    // The recorded number is the cost up to the call; the result is the cost after it.
                    *rest = cost - *rest;
                }
                (first, cost) = (self.rests.len(), 0);
            }
        }
        Ok(())
    }

    /// Returns the cost of the rest of the segment after the call at an offset of the module.
    pub(crate) fn rest(&self, offset: usize) -> u64 {
        let found = self.rests.binary_search_by_key(&(offset as u64), |&(offset, _)| u64::from(offset));
        found.map_or(0, |at| u64::from(self.rests[at].1))
    }
}

/// Returns whether the code after the operator is charged separately.
fn ends_segment(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Unreachable
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost;

    #[test]
    fn the_rest_of_a_segment_follows_each_call() {
        let wasm = wat::parse_str(
            r#"(module
                (func $f)
                (func
                    call $f                     ;; 5, followed by 1 + 1 + 5 + 1 + 2 (if)
                    i32.const 1
                    drop
                    call $f                     ;; followed by 1 + 2
                    i32.const 0
                    if
                        call $f                 ;; followed by nothing: `end` is free
                    end
                    block
                        call $f                 ;; a block ends nothing: followed by 2 (global.get) + 1
                        global.get $g
                        drop
                    end)
                (global $g i32 (i32.const 0)))"#,
        )
        .unwrap();
        let segments = Segments::of(&wasm, &cost::operators()).unwrap();
        let rests: Vec<u32> = segments.rests.iter().map(|&(_, rest)| rest).collect();
        assert_eq!(rests, [10, 3, 3]);
        let first = segments.rests[0].0 as usize;
        assert_eq!(wasm[first], 0x10, "the offset is that of the call instruction");
        assert_eq!(segments.rest(first), 10);
        assert_eq!(segments.rest(first + 1), 0);
    }
}
