//! Markdown table of the comparison with the floor, the peers and the budgets.

use std::fmt::Write;

use super::budget;
use super::case::Case;
use super::peers::PeerCase;

/// The peer with its objects on the heap, which is shown separately: the cost of its upgrades grows with the data.
const HEAP_PEER: &str = "heap map";

const HEAD: &str = "\
| case | unit | floor | best peer in stable memory | heap map | ours | ours / floor | ours / peer | budget | heap pages |
|---|---|---|---|---|---|---|---|---|---|
";

/// Returns a Markdown table of the cases and the peers' results, and lists the cases that cost more than a peer or the budget.
pub fn table(cases: &[Case], peers: &[PeerCase]) -> String {
    let rows: Vec<_> = cases.iter().map(|case| Row::new(case, peers)).collect();
    let mut text = HEAD.to_owned();
    for row in &rows {
        writeln!(text, "{}", row.markdown()).expect("a string takes all text");
    }
    let summary = |title: &str, listed: Vec<String>| {
        let listed = if listed.is_empty() { "nothing".to_owned() } else { listed.join(", ") };
        format!("\n{title}: {listed}.\n")
    };
    text += &summary("Dearer than the best peer", rows.iter().filter_map(Row::above_best_peer).collect());
    text += &summary("Over the budget", rows.iter().flat_map(Row::over_budget).collect());
    text
}

struct Row<'a> {
    case: &'a Case,
    /// The cheapest peer of those with their data in stable memory.
    best: Option<&'a PeerCase>,
    heap: Option<&'a PeerCase>,
}

impl<'a> Row<'a> {
    fn new(case: &'a Case, peers: &'a [PeerCase]) -> Self {
        let (heap, stable): (Vec<_>, Vec<_>) =
            peers.iter().filter(|peer| peer.case.name == case.name).partition(|peer| peer.peer == HEAP_PEER);
        let best = stable.into_iter().min_by(|a, b| a.case.figure.total_cmp(&b.case.figure));
        Self { case, best, heap: heap.first().copied() }
    }

    fn markdown(&self) -> String {
        let show = |figure| self.case.unit.show(figure);
        let dash = || "-".to_owned();
        let Case { name, unit, floor, figure, .. } = self.case;
        let best = |best: &PeerCase| format!("{} {}", show(best.case.figure), best.peer);
        let columns = [
            format!("`{name}`"),
            unit.name().to_owned(),
            show(*floor),
            self.best.map_or_else(dash, best),
            self.heap.map_or_else(dash, |heap| show(heap.case.figure)),
            show(*figure),
            if *floor > 0.0 { format!("{:.2}", figure / floor) } else { dash() },
            self.ratio().map_or_else(dash, |ratio| format!("{ratio:.2}")),
            budget::of(name).map_or_else(dash, show),
            self.case.show_heap_pages(),
        ];
        format!("| {} |", columns.join(" | "))
    }

    /// Returns our cost divided by the best peer's.
    fn ratio(&self) -> Option<f64> {
        self.best.map(|best| self.case.figure / best.case.figure)
    }

    fn above_best_peer(&self) -> Option<String> {
        let ratio = self.ratio().filter(|ratio| *ratio > 1.0)?;
        Some(format!("`{}` ({ratio:.2}, {})", self.case.name, self.best?.peer))
    }

    fn over_budget(&self) -> Vec<String> {
        let name = &self.case.name;
        let over = |figure: f64, budget: Option<f64>| Some(figure / budget?).filter(|ratio| *ratio > 1.0);
        let instructions = over(self.case.figure, budget::of(name));
        let pages = self.case.heap_pages.and_then(|pages| over(pages, budget::of_heap_pages(name)));
        let instructions = instructions.map(|ratio| format!("`{name}` ({ratio:.2})"));
        instructions
            .into_iter()
            .chain(pages.map(|ratio| format!("heap pages of `{name}` ({ratio:.2})")))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(row: &str) -> Case {
        Case::parse(row).unwrap()
    }

    /// The best peer is the cheapest with its data in stable memory; cases above a budget or the best peer are listed.
    #[test]
    fn cases_above_a_peer_or_a_budget_are_listed() {
        let ours = [case("get_100B\tinstr\t10000\t15000\t4.0"), case("put_100B\tinstr\t10000\t15000\t9.0")];
        let peer = |peer: &str, row| PeerCase { peer: peer.to_owned(), case: case(row) };
        let peers = [
            peer("a map", "get_100B\tinstr\t0\t30000\t4.0"),
            peer("another map", "get_100B\tinstr\t0\t10000\t4.0"),
            peer(HEAP_PEER, "get_100B\tinstr\t0\t5000\t4.0"),
        ];
        let table = table(&ours, &peers);
        let row =
            "| `get_100B` | instr | 10000 | 10000 another map | 5000 | 15000 | 1.50 | 1.50 | 13700 | 4.0 |";
        assert!(table.contains(row), "{table}");
        assert!(table.contains("Dearer than the best peer: `get_100B` (1.50, another map)."), "{table}");
        let over = "Over the budget: `get_100B` (1.09), heap pages of `put_100B` (1.29).";
        assert!(table.contains(over), "{table}");
    }
}
