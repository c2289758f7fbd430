//! Which pages a tree has after its changes: where full pages are split, and which pages are merged.

use super::*;
use crate::structures::btree::page::{Node, PageNumber, SLOT};

/// A page with its contents; the cells of a leaf are given by their keys and sizes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    Leaf(Vec<(Vec<u8>, usize)>),
    Inner { separators: Vec<Vec<u8>>, children: Vec<Shape> },
}

impl Shape {
    /// Returns the tree of a map, or `None` if the map is empty.
    fn of(map: &TestMap) -> Option<Self> {
        let header = map.tree.header.get();
        (!header.root.is_none()).then(|| Self::below(map, header.root, header.levels))
    }

    fn below(map: &TestMap, number: PageNumber, levels: u8) -> Self {
        if levels == 1 {
            let mut leaf = map.tree.load_leaf(number).unwrap();
            let mut entry = |index| {
                let span = map.tree.know_cell(&mut leaf, index).unwrap();
                (map.tree.key(&mut leaf, index).unwrap().to_vec(), span.end - span.start)
            };
            let count = map.tree.load_leaf(number).unwrap().node().len();
            return Self::Leaf((0..count).map(&mut entry).collect());
        }
        let parts = |node: Node<'_>| {
            let separators = (0..node.len()).map(|index| node.inner_key(index).map(<[u8]>::to_vec));
            let children = (0..=node.len()).map(|index| node.child(index));
            Some((separators.collect::<Option<Vec<_>>>()?, children.collect::<Option<Vec<_>>>()?))
        };
        let (separators, children) = map.tree.with_inner(number, parts).unwrap();
        let children = children.into_iter().map(|child| Self::below(map, child, levels - 1)).collect();
        Self::Inner { separators, children }
    }

    fn used(&self) -> usize {
        match self {
            Self::Leaf(entries) => entries.iter().map(|(_, bytes)| bytes + SLOT).sum(),
            Self::Inner { separators, .. } => separators.iter().map(|key| space_of_separator(key)).sum(),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Leaf(entries) => entries.is_empty(),
            Self::Inner { children, .. } => children.is_empty(),
        }
    }

    /// Calls `f` with each inner page and its number of levels above the leaves.
    fn inner_pages(&self, f: &mut impl FnMut(&Self)) {
        if let Self::Inner { children, .. } = self {
            f(self);
            children.iter().for_each(|child| child.inner_pages(f));
        }
    }

    /// Removes an entry, and merges pages by the rules of `merge.rs`. Returns whether this page has fewer
    /// cells.
    fn remove(&mut self, key: &[u8]) -> bool {
        match self {
            Self::Leaf(entries) => {
                entries.retain(|(other, _)| other != key);
                true
            }
            Self::Inner { separators, children } => {
                let index = separators.partition_point(|separator| &separator[..] <= key);
                let has_shrunk = children[index].remove(key);
                has_shrunk && shrink(separators, children, index)
            }
        }
    }

    /// Appends the contents of the page after this one.
    fn merge(&mut self, separator: Vec<u8>, other: Self) {
        match (self, other) {
            (Self::Leaf(entries), Self::Leaf(more)) => entries.extend(more),
            (
                Self::Inner { separators, children },
                Self::Inner { separators: more_separators, children: more },
            ) => {
                separators.push(separator);
                separators.extend(more_separators);
                children.extend(more);
            }
            _ => panic!("pages of different levels have one parent"),
        }
    }
}

fn space_of_separator(key: &[u8]) -> usize {
    4 + key.len() + SLOT
}

/// Frees a child that is empty, or merges one that has become small with a neighbour. Returns whether there
/// are fewer children.
fn shrink(separators: &mut Vec<Vec<u8>>, children: &mut Vec<Shape>, index: usize) -> bool {
    if children[index].is_empty() {
        children.remove(index);
        if !separators.is_empty() {
            separators.remove(index.saturating_sub(1));
        }
        return true;
    }
    if children[index].used() >= CAPACITY / 4 {
        return false;
    }
    let fits = |left: usize| {
        let between = match &children[left] {
            Shape::Leaf(_) => 0,
            Shape::Inner { .. } => space_of_separator(&separators[left]),
        };
        children[left].used() + between + children[left + 1].used() <= CAPACITY / 4 * 3
    };
    let left = index.checked_sub(1).filter(|left| fits(*left));
    let Some(left) = left.or_else(|| (index + 1 < children.len() && fits(index)).then_some(index)) else {
        return false;
    };
    let (separator, right) = (separators.remove(left), children.remove(left + 1));
    children[left].merge(separator, right);
    true
}

/// Returns the tree that a removal leaves.
fn without(mut tree: Shape, key: &[u8]) -> Option<Shape> {
    if tree.remove(key) {
        while let Shape::Inner { children, .. } = &mut tree
            && children.len() == 1
        {
            let child = children.remove(0);
            tree = child;
        }
    }
    (!tree.is_empty()).then_some(tree)
}

/// Every removal merges exactly the pages that the rules name, at every level.
#[test]
fn removals_merge_small_pages_with_a_neighbour_that_has_space() {
    let mut most_levels = 0;
    for keys in [Keys::Short, Keys::AnyLength, Keys::LongPrefix, Keys::Mixed] {
        let memory = VectorMemory::default();
        let (map, mut random, mut model) = (open(&memory), Random(31), Model::new());
        for _ in 0..400 {
            let (key, bytes) = (keys.draw(&mut random), random.below(900) as usize);
            insert(&map, &key, &vec![1; bytes]);
            model.insert(key, vec![1; bytes]);
        }
        most_levels = most_levels.max(map.tree.header.get().levels);
        let mut left: Vec<_> = model.into_keys().collect();
        while !left.is_empty() {
            // Runs of neighbours empty whole subtrees, others leave small pages everywhere.
            let index =
                if left.len() % 50 < 25 { left.len() / 2 } else { random.below(left.len() as u64) as usize };
            let key = left.remove(index);
            let expected = without(Shape::of(&map).unwrap(), &key);
            assert!(remove(&map, &key));
            assert!(Shape::of(&map) == expected, "{keys:?}, with {} entries left", left.len());
        }
    }
    assert!(most_levels >= 4, "{most_levels}");
}

/// The separators are long, so that a leaf costs much space in its parent.
#[test]
fn keys_in_order_fill_inner_pages() {
    for (is_ascending, of_a_batch) in [(true, 1), (true, 1_600), (false, 1), (false, 1_600)] {
        let memory = VectorMemory::default();
        let map = open(&memory);
        for batch in 0..1_600 / of_a_batch {
            let mut change = map.begin();
            for number in (0..of_a_batch).map(|number| batch * of_a_batch + number) {
                let number = if is_ascending { number } else { 1_600 - number };
                let key = [&[b'p'; 300][..], format!("{number:08}").as_bytes()].concat();
                change.insert(&key, &vec![7; 600]).unwrap();
            }
            change.commit();
        }
        assert_eq!((map.len(), problems(&map)), (1_600, vec![]));
        let (mut pages, mut bytes) = (0, 0);
        Shape::of(&map).unwrap().inner_pages(&mut |page| {
            pages += 1;
            bytes += page.used();
        });
        assert!(pages > 20);
        assert!(
            bytes * 10 > pages * CAPACITY * 8,
            "{bytes} bytes in {pages} pages, ascending: {is_ascending}"
        );
    }
}

/// Returns the number of leaves of a map, and their bytes.
fn leaves(map: &TestMap) -> Vec<usize> {
    match Shape::of(map).unwrap() {
        leaf @ Shape::Leaf(_) => vec![leaf.used()],
        Shape::Inner { children, .. } => children.iter().map(Shape::used).collect(),
    }
}

#[test]
fn an_insertion_between_others_halves_a_full_leaf() {
    // The entry that was inserted last is neither before nor after the new one.
    for last in [5, 9] {
        let memory = VectorMemory::default();
        let map = open(&memory);
        (0..10).filter(|number| *number != last).for_each(|number| insert(&map, &[number, 0], &[1; 380]));
        insert(&map, &[last, 0], &[1; 380]);
        assert_eq!(leaves(&map).len(), 1);
        insert(&map, &[2, 1], &[1; 380]);
        let sizes = leaves(&map);
        assert!(sizes.len() == 2 && sizes.iter().all(|bytes| *bytes >= 5 * 392), "{sizes:?}");
    }
}

/// Entries leave space between others when they become shorter. All of it is used before a page is added.
#[test]
fn an_entry_needs_a_new_page_only_if_it_is_longer_than_the_free_bytes() {
    for (key, left) in [(*b"9", 20), (*b"9", 0), (*b"9", -1), (*b"4", 20), (*b"4", 0), (*b"4", -1)] {
        let memory = VectorMemory::default();
        let map = open(&memory);
        let first = if key == *b"4" { b'0' } else { b'1' };
        (first..=b'8')
            .filter(|number| [*number] != key)
            .for_each(|number| insert(&map, &[number], &[1; 480]));
        insert(&map, b"3", &[1; 100]);
        assert_eq!(leaves(&map).len(), 1);
        // The last insertion is that of the greatest key, so a greater one continues a run.
        let free = CAPACITY - leaves(&map)[0];
        insert(&map, &key, &vec![2; free.wrapping_add_signed(-left) - SLOT - 2 - 1]);
        assert_eq!(leaves(&map).len(), if left < 0 { 2 } else { 1 }, "{key:?} {left}");
        assert_eq!(problems(&map), []);
    }
}

/// The links between leaves are also checked by a change that follows them.
#[test]
fn a_merge_of_leaves_that_are_not_linked_is_refused() {
    for offset in [AFTER_OF_FIRST, BEFORE_OF_SECOND] {
        let memory = VectorMemory::default();
        let map = open(&memory);
        (0..14u8).for_each(|number| insert(&map, &[number], &[1; 500]));
        let root = map.tree.header.get().root;
        let numbers = map.tree.with_inner(root, |node| Some([node.child(0)?, node.child(1)?])).unwrap();
        // Every leaf has half of its entries before the first one has few.
        let keys: Vec<u8> = (0..14).step_by(2).chain((1..14).step_by(2)).collect();
        memory.write(numbers[offset.0].offset() + offset.1, &1_000u32.to_le_bytes());
        let map = open(&memory);
        let mut change = map.begin();
        let removed = keys.iter().try_for_each(|key| change.remove(&vec![*key]).map(drop));
        assert!(matches!(removed, Err(Error::Corrupted { .. })), "{offset:?}: {removed:?}");
    }
}

/// Which of two leaves, and the offset of a link in it.
const AFTER_OF_FIRST: (usize, u64) = (0, 16);
const BEFORE_OF_SECOND: (usize, u64) = (1, 12);
