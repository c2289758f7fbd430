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
    let (kept_rows, rows) = (rows(GOLDEN), rows(&measured));
    let mut differences = Vec::new();
    if kept_rows.iter().map(name_and_unit).ne(rows.iter().map(name_and_unit)) {
        differences.push(format!("the cases are not those of the file, which are:\n{GOLDEN}"));
    } else {
        differences.extend(kept_rows.iter().zip(&rows).filter_map(|(kept, row)| difference(kept, row)));
    }
    if differences.is_empty() {
        return Ok(());
    }
    let differences = differences.join("\n");
    Err(format!(
        "{differences}\nmeasured:\n{measured}If that is as it should be, refresh the file:\n    {REFRESH}"
    ))
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
