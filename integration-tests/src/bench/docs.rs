//! The table in docs/BENCHMARKS.md.

/// Marks of the table in the document.
const MARKS: [&str; 2] = ["<!-- written by scripts/bench.sh --refresh -->\n", "<!-- end -->\n"];

/// Replaces the table between the marks of the document; `None` if there are no marks.
pub fn update(document: &str, table: &str) -> Option<String> {
    let (before, rest) = document.split_once(MARKS[0])?;
    let (_, after) = rest.split_once(MARKS[1])?;
    Some([before, MARKS[0], table, MARKS[1], after].concat())
}

#[cfg(test)]
mod tests {
    use super::super::{PEERS, golden, peers, table};
    use super::*;

    const BENCHMARKS: &str = include_str!("../../../docs/BENCHMARKS.md");

    /// The table in the document equals the golden files.
    #[test]
    fn the_document_has_the_table_of_the_golden_files() {
        let peers = peers::parse(PEERS).expect("the golden file of the peers has their rows");
        let table = table(&golden::kept(), &peers);
        let is_current = update(BENCHMARKS, &table).as_deref() == Some(BENCHMARKS);
        assert!(is_current, "the table is not that of the golden files; to write it: {}", golden::REFRESH);
    }
}
