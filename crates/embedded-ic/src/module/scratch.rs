//! Range of the heap that a module declares as scratch.
//!
//! A module declares it by exporting two functions, [`START`] and [`END`], without parameters, each of which only returns an
//! address as an `i32.const`. This guarantees that no message depends on the contents of the range at its start, as with
//! buffers for arguments and replies. The addresses are read from the code; the functions are not called. Other functions
//! with these names, or only one of them, declare nothing.

use std::ops::Range;

use wasmtime::wasmparser::{FunctionBody, Operator};

/// Export that returns the first address of the range.
const START: &str = "embedded_ic_scratch_start";
/// Export that returns the address after the range.
const END: &str = "embedded_ic_scratch_end";

/// Declaration, as far as it has been read.
#[derive(Debug, Default)]
pub(super) struct Declaration {
    start: Bound,
    end: Bound,
}

#[derive(Debug, Default)]
struct Bound {
    /// Index of the exported function.
    function: Option<u32>,
    address: Option<u32>,
}

impl Declaration {
    /// Records an exported function.
    pub(super) fn export(&mut self, name: &str, function: u32) {
        match name {
            START => self.start.function = Some(function),
            END => self.end.function = Some(function),
            _ => {}
        }
    }

    /// Records the body of a function.
    pub(super) fn body(&mut self, function: u32, body: &FunctionBody<'_>) {
        for bound in [&mut self.start, &mut self.end] {
            if bound.function == Some(function) {
                bound.address = constant(body);
            }
        }
    }

    /// Returns the range of addresses; empty if none is declared.
    pub(super) fn range(&self) -> Range<u32> {
        match (self.start.address, self.end.address) {
            (Some(start), Some(end)) if start < end => start..end,
            _ => 0..0,
        }
    }
}

/// Returns the constant that a function returns, if it does nothing else.
fn constant(body: &FunctionBody<'_>) -> Option<u32> {
    let mut reader = body.get_operators_reader().ok()?;
    match (reader.read().ok()?, reader.read().ok()?, reader.eof()) {
        (Operator::I32Const { value }, Operator::End, true) => Some(value as u32),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::check;
    use super::*;
    use crate::limits::Limits;

    fn scratch(definitions: &str) -> Range<u32> {
        let wasm = wat::parse_str(format!("(module {definitions})")).unwrap();
        check(&wasm, &(&Limits::default()).into()).unwrap().scratch
    }

    #[test]
    fn two_functions_that_return_constants_declare_the_range() {
        let declared = scratch(
            r#"(import "ic0" "msg_reply" (func)) (memory 3) (func $other (result i32) (i32.const 7))
            (func (export "embedded_ic_scratch_end") (result i32) (i32.const 150000))
            (func (export "embedded_ic_scratch_start") (result i32) (i32.const 70000))"#,
        );
        assert_eq!(declared, 70_000..150_000);
        let high = scratch(
            r#"(func (export "embedded_ic_scratch_start") (result i32) (i32.const 0x7fffffff))
            (func (export "embedded_ic_scratch_end") (result i32) (i32.const 0xfffffff0))"#,
        );
        assert_eq!(high, 0x7fff_ffff..0xffff_fff0);
    }

    #[test]
    fn other_functions_with_these_names_declare_nothing() {
        let start = r#"(func (export "embedded_ic_scratch_start") (result i32) (i32.const 70000))"#;
        for end in [
            "",
            r#"(func (export "embedded_ic_scratch_ending") (result i32) (i32.const 150000))"#,
            r#"(func (export "embedded_ic_scratch_end") (result i32) (i32.const 70000))"#,
            r#"(func (export "embedded_ic_scratch_end") (result i32) (i32.const 69999))"#,
            r#"(func (export "embedded_ic_scratch_end") (result i64) (i64.const 150000))"#,
            r#"(func (export "embedded_ic_scratch_end") (result i32) (i32.add (i32.const 150000) (i32.const 1)))"#,
            r#"(func (export "embedded_ic_scratch_end") (result i32) (nop) (i32.const 150000))"#,
            r#"(func (export "embedded_ic_scratch_end"))"#,
            r#"(global i32 (i32.const 150000)) (func (export "embedded_ic_scratch_end") (result i32) (global.get 0))"#,
            r#"(global (export "embedded_ic_scratch_end") i32 (i32.const 150000))"#,
        ] {
            assert_eq!(scratch(&format!("{start} {end}")), 0..0, "{end}");
        }
        let imported = r#"(import "ic0" "msg_arg_data_size" (func $size (result i32)))
            (export "embedded_ic_scratch_end" (func $size))"#;
        assert_eq!(scratch(&format!("{imported} {start}")), 0..0);
    }
}
