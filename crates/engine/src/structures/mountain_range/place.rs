//! Where the nodes are: positions in the order of completion.

/// Returns the number of nodes of a range with this many elements.
pub(super) fn nodes(elements: u64) -> u64 {
    2 * elements - u64::from(elements.count_ones())
}

/// A perfect tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mountain {
    /// Number of the first element.
    pub(super) first: u64,
    /// Number of elements: a power of two.
    pub(super) elements: u64,
}

/// Returns the mountains of a range, from left to right.
pub(super) fn mountains(elements: u64) -> impl Iterator<Item = Mountain> {
    let mut first = 0;
    (0..u64::BITS).rev().map(move |bit| elements & 1 << bit).filter(|elements| *elements > 0).map(
        move |elements| {
            let mountain = Mountain { first, elements };
            first += elements;
            mountain
        },
    )
}

impl Mountain {
    /// Returns the number of the element after the last one.
    pub(super) fn end(&self) -> u64 {
        self.first + self.elements
    }

    /// Returns the position of the peak: it is the last node of the mountain to become complete.
    pub(super) fn peak(&self) -> u64 {
        nodes(self.first) + 2 * self.elements - 2
    }

    /// Returns the positions of the siblings on the way from an element up to the peak.
    pub(super) fn siblings(&self, element: u64) -> Vec<u64> {
        let mut siblings = Vec::new();
        let mut tree = *self;
        while tree.elements > 1 {
            let half = tree.elements / 2;
            // The nodes of the left half come first, then those of the right half.
            let left = Self { elements: half, ..tree };
            let right = Self { first: tree.first + half, elements: half };
            // The first node of a tree is its first element.
            let start = nodes(tree.first);
            let (left_peak, right_peak) = (start + 2 * half - 2, start + 2 * (2 * half - 1) - 1);
            if element < right.first {
                siblings.push(right_peak);
                tree = left;
            } else {
                siblings.push(left_peak);
                tree = right;
            }
        }
        siblings.reverse();
        siblings
    }
}
