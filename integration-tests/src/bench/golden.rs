//! The figures as they are kept, and how much they may differ.

use super::{Case, tsv};

/// The golden file.
pub const GOLDEN: &str = include_str!("../../golden/instructions.tsv");

/// The command that writes it anew.
pub const REFRESH: &str = "scripts/bench.sh --tsv > integration-tests/golden/instructions.tsv";

/// How far a figure may be from the kept one, up or down.
const TOLERANCE: f64 = 0.02;

/// Compares what was measured with the golden file.
///
/// # Errors
///
/// What differs, and how to refresh the file, for people.
pub fn compare(cases: &[Case]) -> Result<(), String> {
    let measured = tsv(cases);
    let differences = differences(GOLDEN, &measured);
    if differences.is_empty() {
        return Ok(());
    }
    let differences = differences.join("\n");
    Err(format!(
        "{differences}\nmeasured:\n{measured}If that is as it should be, refresh the file:\n    {REFRESH}"
    ))
}

/// What differs between the kept rows and the measured ones, a line each.
fn differences(kept: &str, measured: &str) -> Vec<String> {
    let (kept_rows, rows) = (rows(kept), rows(measured));
    if kept_rows.iter().map(name_and_unit).ne(rows.iter().map(name_and_unit)) {
        return vec![format!("the cases are not those of the file, which are:\n{kept}")];
    }
    kept_rows.iter().zip(&rows).filter_map(|(kept, row)| difference(kept, row)).collect()
}

type Row<'a> = Vec<&'a str>;

fn rows(text: &str) -> Vec<Row<'_>> {
    text.lines().map(|line| line.split('\t').collect()).collect()
}

fn name_and_unit<'a>(row: &Row<'a>) -> Option<(&'a str, &'a str)> {
    Some((row.first()?, row.get(1)?))
}

fn difference(kept: &Row<'_>, row: &Row<'_>) -> Option<String> {
    let figure = |row: &Row<'_>| row.get(3).and_then(|figure| figure.parse::<f64>().ok());
    let (Some(before), Some(now)) = (figure(kept), figure(row)) else {
        return Some(format!("{}: the golden file has no figure", row[0]));
    };
    let is_near = (now - before).abs() <= before * TOLERANCE;
    (!is_near).then(|| format!("{}: {before} {} became {now}", row[0], row[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two per cent either way pass; more does not, and nor does another case or a file without figures.
    #[test]
    fn differences_are_found_both_ways() {
        let kept = "a\tinstr\t0\t1000\nb\tinstr/B\t2.2441\t2.5000\n";
        for (a, b, found) in [
            ("1000", "2.5000", 0),
            ("1020", "2.4500", 0),
            ("1021", "2.5000", 1),
            ("979", "2.5000", 1),
            ("900", "2.6", 2),
        ] {
            let measured = format!("a\tinstr\t0\t{a}\nb\tinstr/B\t2.2441\t{b}\n");
            assert_eq!(differences(kept, &measured).len(), found, "{a} {b}");
        }
        let renamed = kept.replace('b', "c");
        assert_eq!(differences(kept, &renamed).len(), 1);
        assert_eq!(differences("", kept).len(), 1);
        assert_eq!(differences("a\tinstr\t0\t?\n", "a\tinstr\t0\t1\n").len(), 1);
    }
}
