//! Result of one canister.

use std::fmt::Write;

/// Unit of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Instructions of the message.
    Instructions,
    /// Instructions of the message, per byte of the value.
    InstructionsPerByte,
    /// Instructions of the message, per object or log entry in it.
    InstructionsPerItem,
}

impl Unit {
    const ALL: [Self; 3] = [Self::Instructions, Self::InstructionsPerByte, Self::InstructionsPerItem];

    /// The unit as the golden files name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instr",
            Self::InstructionsPerByte => "instr/B",
            Self::InstructionsPerItem => "instr/item",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name() == name)
    }

    pub(super) fn show(self, figure: f64) -> String {
        match self {
            Self::Instructions | Self::InstructionsPerItem => format!("{figure:.0}"),
            Self::InstructionsPerByte => format!("{figure:.4}"),
        }
    }
}

/// Cost of one kind of message.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Name in the golden files.
    pub name: String,
    /// Unit.
    pub unit: Unit,
    /// Cost of the platform alone.
    pub floor: f64,
    /// Cost of the canister.
    pub figure: f64,
    /// Heap pages of 4 KiB that the message writes, on average; `None` for upgrades, which replace the heap.
    ///
    /// A replica charges 1,000 instructions for each after the message has ended. No result includes them.
    pub heap_pages: Option<f64>,
}

impl Case {
    pub(super) fn show_heap_pages(&self) -> String {
        self.heap_pages.map_or_else(|| "-".into(), |pages| format!("{pages:.1}"))
    }

    /// The case in tab-separated columns: name, unit, floor, figure, heap pages.
    pub(super) fn row(&self) -> String {
        let (floor, figure) = (self.unit.show(self.floor), self.unit.show(self.figure));
        format!("{}\t{}\t{floor}\t{figure}\t{}", self.name, self.unit.name(), self.show_heap_pages())
    }

    /// Returns the case as in its row, so that a table of measured cases equals that of the golden files.
    pub(super) fn rounded(&self) -> Self {
        Self::parse(&self.row()).expect("a case reads its own row")
    }

    /// Parses a row of [`tsv`]; `None` if it is invalid.
    pub(super) fn parse(row: &str) -> Option<Self> {
        let mut columns = row.split('\t');
        let mut next = || columns.next();
        Some(Self {
            name: next()?.to_owned(),
            unit: Unit::of_name(next()?)?,
            floor: next()?.parse().ok()?,
            figure: next()?.parse().ok()?,
            heap_pages: match next()? {
                "-" => None,
                pages => Some(pages.parse().ok()?),
            },
        })
    }
}

/// Returns the cases for the golden file: case, unit, floor, result and heap pages, tab-separated.
pub fn tsv(cases: &[Case]) -> String {
    cases.iter().fold(String::new(), |mut text, case| {
        writeln!(text, "{}", case.row()).expect("a string takes all text");
        text
    })
}
