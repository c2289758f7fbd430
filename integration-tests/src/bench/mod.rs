//! What the canister's hot methods cost, in instructions of the whole message, against what the platform alone would take.
//!
//! The embedded host counts instructions from the replica's cost table, so the figures are the same on every machine.
//! `scripts/bench.sh` prints them, and a test holds them against a golden file.

mod cases;
mod floor;
mod golden;
mod rig;

pub use cases::{Case, Unit, measure};
pub use golden::{GOLDEN, REFRESH, compare};

use std::fmt::Write;

/// The cases tab-separated, as the golden file keeps them: case, unit, floor, ours.
pub fn tsv(cases: &[Case]) -> String {
    let mut text = String::new();
    for case in cases {
        let (floor, ours) = (case.unit.show(case.floor), case.unit.show(case.ours));
        writeln!(text, "{}\t{}\t{floor}\t{ours}", case.name, case.unit.name()).expect("text takes all text");
    }
    text
}

/// The cases as a table for people, which is Markdown, too.
pub fn table(cases: &[Case]) -> String {
    let mut text = format!("| {:20} | {:>12} | {:>12} | {:>6} | unit |\n", "case", "floor", "ours", "ratio");
    text.push_str("|---|---|---|---|---|\n");
    for case in cases {
        let ratio = if case.floor > 0.0 { format!("{:.3}", case.ours / case.floor) } else { "-".into() };
        let (floor, ours) = (case.unit.show(case.floor), case.unit.show(case.ours));
        let (name, unit) = (case.name, case.unit.name());
        writeln!(text, "| {name:20} | {floor:>12} | {ours:>12} | {ratio:>6} | {unit} |")
            .expect("text takes all text");
    }
    text
}
