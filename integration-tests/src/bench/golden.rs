//! The golden file, and the permitted differences.

use super::case::{Case, tsv};

/// The golden file.
pub const GOLDEN: &str = include_str!("../../golden/instructions.tsv");

/// The command that writes it and the table of docs/BENCHMARKS.md.
pub const REFRESH: &str = "scripts/bench.sh --refresh";

/// Permitted relative difference of a result, in both directions.
const TOLERANCE: f64 = 0.02;

/// Permitted difference of a mean of heap pages: any change of the module may move a variable across a page boundary.
const HEAP_PAGES_TOLERANCE: f64 = 1.0;

/// Whether the host counts heap pages of 4 KiB exactly. On other systems it compares memories, or pages are larger.
const COUNTS_HEAP_PAGES: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

/// Compares what was measured with the golden file.
///
/// # Errors
///
/// Returns the differences, and how to refresh the file.
pub fn compare(cases: &[Case]) -> Result<(), String> {
    let differences = differences(&kept(), cases);
    if differences.is_empty() {
        return Ok(());
    }
    let (differences, measured) = (differences.join("\n"), tsv(cases));
    Err(format!("{differences}\nmeasured:\n{measured}If that is meant, refresh the file:\n    {REFRESH}"))
}

/// The cases of the golden file.
pub(super) fn kept() -> Vec<Case> {
    parse(GOLDEN).unwrap_or_default()
}

fn parse(text: &str) -> Option<Vec<Case>> {
    text.lines().map(Case::parse).collect()
}

/// Returns the differences between the golden cases and the measured ones, a line each.
fn differences(kept: &[Case], measured: &[Case]) -> Vec<String> {
    let names = |cases: &[Case]| cases.iter().map(|case| (case.name.clone(), case.unit)).collect::<Vec<_>>();
    if names(kept) != names(measured) {
        return vec![format!("the cases are not those of the file, which are:\n{}", tsv(kept))];
    }
    kept.iter().zip(measured).flat_map(|(kept, case)| difference(kept, case)).collect()
}

fn difference(kept: &Case, case: &Case) -> Vec<String> {
    let mut found = Vec::new();
    let (before, now) = (kept.figure, case.figure);
    if (now - before).abs() > before * TOLERANCE {
        found.push(format!("{}: {before} {} became {now}", case.name, case.unit.name()));
    }
    if COUNTS_HEAP_PAGES && !heap_pages_are_near(kept.heap_pages, case.heap_pages) {
        let (before, now) = (kept.show_heap_pages(), case.show_heap_pages());
        found.push(format!("{}: {before} heap pages became {now}", case.name));
    }
    found
}

fn heap_pages_are_near(kept: Option<f64>, measured: Option<f64>) -> bool {
    match (kept, measured) {
        (Some(kept), Some(measured)) => {
            (measured - kept).abs() <= f64::max(kept * TOLERANCE, HEAP_PAGES_TOLERANCE) + 1e-6
        }
        (kept, measured) => kept == measured,
    }
}

#[cfg(test)]
mod tests {
    use super::super::peers::{self, PEERS, peers_tsv};
    use super::*;

    fn cases(text: &str) -> Vec<Case> {
        parse(text).unwrap()
    }

    /// Two per cent in both directions and a heap page are permitted; more is not, and neither is another case.
    #[test]
    fn differences_are_found_both_ways() {
        let kept = "a\tinstr\t0\t1000\t5.0\nb\tinstr/B\t2.2441\t2.5000\t-\n";
        for (a, b, pages, found) in [
            ("1000", "2.5000", "5.0", 0),
            ("1020", "2.4500", "6.0", 0),
            ("1021", "2.5000", "5.0", 1),
            ("979", "2.5000", "5.0", 1),
            ("900", "2.6", "5.0", 2),
            ("1000", "2.5000", "6.1", usize::from(COUNTS_HEAP_PAGES)),
            ("1000", "2.5000", "3.9", usize::from(COUNTS_HEAP_PAGES)),
            ("1000", "2.5000", "-", usize::from(COUNTS_HEAP_PAGES)),
        ] {
            let measured = format!("a\tinstr\t0\t{a}\t{pages}\nb\tinstr/B\t2.2441\t{b}\t-\n");
            assert_eq!(differences(&cases(kept), &cases(&measured)).len(), found, "{a} {b} {pages}");
        }
        assert_eq!(differences(&cases(kept), &cases(&kept.replace("b\t", "c\t"))).len(), 1);
        assert_eq!(differences(&[], &cases(kept)).len(), 1);
        assert!(parse("a\tinstr\t0\t?\t-\n").is_none());
    }

    /// Both golden files equal what the code writes.
    #[test]
    fn the_golden_files_are_read_as_they_are_written() {
        assert_eq!(tsv(&kept()), GOLDEN);
        let peers = peers::parse(PEERS).expect("the golden file of the peers has their rows");
        assert_eq!(peers_tsv(&peers), PEERS);
    }
}
