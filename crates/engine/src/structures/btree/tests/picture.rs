//! Compares pages with the layout table: this reader takes its numbers from the table, not from constants.

use super::*;
use crate::structures::btree::page::Node;

fn u16_of(bytes: &[u8], offset: usize) -> usize {
    u16::from_le_bytes([bytes[offset], bytes[offset + 1]]).into()
}

fn u32_of(bytes: &[u8], offset: usize) -> usize {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().unwrap()) as usize
}

/// The memory of a tree with its header at the start.
struct Image(Vec<u8>);

impl Image {
    fn page(&self, number: usize) -> &[u8] {
        &self.0[4_096 * number..4_096 * (number + 1)]
    }

    fn read(&self) -> Model {
        let (levels, root) = (self.0[5], u32_of(&self.0, 8));
        let (mut entries, mut leaves) = (Model::new(), Vec::new());
        self.walk(root, levels, &mut entries, &mut leaves);
        for (i, leaf) in leaves.iter().enumerate() {
            let before = if i == 0 { 0 } else { leaves[i - 1] };
            let after = leaves.get(i + 1).copied().unwrap_or(0);
            assert_eq!((u32_of(self.page(*leaf), 12), u32_of(self.page(*leaf), 16)), (before, after));
        }
        entries
    }

    fn walk(&self, number: usize, levels: u8, entries: &mut Model, leaves: &mut Vec<usize>) {
        let page = self.page(number);
        assert_eq!(page[..2], [if levels == 1 { 1 } else { 2 }, 0]);
        assert_eq!((u16_of(page, 10), u32_of(page, 20)), (0, 0));
        let common = u16_of(page, 4);
        let (mut lowest, mut cell_bytes) = (4_096, 0);
        if levels == 1 {
            leaves.push(number);
        } else {
            assert_eq!(u32_of(page, 16), 0);
            self.walk(u32_of(page, 12), levels - 1, entries, leaves);
        }
        for slot in (0..u16_of(page, 2)).map(|i| &page[24 + 8 * i..32 + 8 * i]) {
            let start = u16_of(slot, 4);
            let cell = &page[start..start + u16_of(slot, 6)];
            (lowest, cell_bytes) = (lowest.min(start), cell_bytes + cell.len());
            let key = match levels {
                1 => self.leaf_entry(cell, entries),
                _ => {
                    self.walk(u32_of(cell, 0), levels - 1, entries, leaves);
                    cell[4..].to_vec()
                }
            };
            let head: Vec<u8> = key[common..].iter().copied().chain([0; 4]).take(4).collect();
            assert_eq!(u32_of(slot, 0), u32::from_be_bytes(head.try_into().unwrap()) as usize);
        }
        // Unused bytes may also be between cells.
        assert!(u16_of(page, 6) <= lowest);
        assert_eq!(u16_of(page, 6) + cell_bytes + u16_of(page, 8), 4_096);
    }

    fn leaf_entry(&self, cell: &[u8], entries: &mut Model) -> Vec<u8> {
        let length = u16_of(cell, 0) & 0x7fff;
        let (key, value) = cell[2..].split_at(length);
        let is_long = u16_of(cell, 0) & 0x8000 != 0;
        let value =
            if is_long { self.long_value(u32_of(value, 0), u32_of(value, 4)) } else { value.to_vec() };
        entries.insert(key.to_vec(), value);
        key.to_vec()
    }

    fn long_value(&self, length: usize, mut number: usize) -> Vec<u8> {
        let mut value = Vec::new();
        while number != 0 {
            let page = self.page(number);
            assert_eq!(page[..4], [3, 0, 0, 0]);
            value.extend_from_slice(&page[8..8 + (length - value.len()).min(4_088)]);
            number = u32_of(page, 4);
        }
        assert_eq!(value.len(), length);
        value
    }

    /// Returns the number of pages in the list of free pages.
    fn free_pages(&self) -> usize {
        let mut count = 0;
        let mut number = u32_of(&self.0, 16);
        while number != 0 {
            let page = self.page(number);
            assert_eq!(page[..4], [4, 0, 0, 0]);
            (number, count) = (u32_of(page, 4), count + 1);
        }
        count
    }
}

#[test]
fn a_reader_of_the_layout_table_finds_every_entry_and_free_page() {
    let memory = VectorMemory::default();
    let (map, mut model) = (open(&memory), Model::new());
    let entry = |i: u32| {
        let value_bytes = [0, 5, 200, 960, 961, 4_088, 4_089, 9_000][i as usize % 8];
        (format!("common/{:04}", i * 7_919 % 10_000).into_bytes(), vec![i as u8; value_bytes])
    };
    for i in 0..1_200 {
        let (key, value) = entry(i);
        insert(&map, &key, &value);
        model.insert(key, value);
    }
    let image = || Image(memory.borrow().clone());
    assert!(image().read() == model);
    assert_eq!((image().0[5], image().free_pages()), (2, u32_of(&image().0, 20)));
    for key in (0..1_200).filter(|i| i % 3 > 0).map(|i| entry(i).0) {
        assert!(remove(&map, &key));
        model.remove(&key);
    }
    assert!(image().read() == model);
    assert_eq!(image().free_pages(), u32_of(&image().0, 20));
    assert!(image().free_pages() > 500);
}

#[test]
fn an_invalid_page_header_is_refused_field_by_field() {
    let mut good = [0; PAGE];
    good[0] = 1;
    // Two slots, the longest common prefix, and cells directly after the slots, all of them unused.
    for (offset, number) in [(2, 2_u16), (4, 1_024), (6, 24 + 16), (8, 4_096 - 40)] {
        good[offset..offset + 2].copy_from_slice(&number.to_le_bytes());
    }
    let is_page = |bytes: &[u8; PAGE]| Node::of(bytes, 1).is_some();
    assert!(is_page(&good));
    let mut full = [0; PAGE];
    full[..10].copy_from_slice(&[1, 0, 0xfd, 1, 0, 0, 0, 16, 0, 0]);
    assert!(is_page(&full), "509 slots and no cell");
    let wrong: [&[(usize, u16)]; 10] = [
        &[(0, 2)],
        &[(0, 0x101)],
        &[(2, 3)],
        &[(2, 510)],
        &[(4, 1_025)],
        &[(6, 39)],
        &[(6, 4_097), (8, 0)],
        &[(8, 4_057)],
        &[(10, 1)],
        &[(10, 0x100)],
    ];
    let tails = [[(20, 1)], [(20, 0x100)], [(22, 1)], [(22, 0x100)]];
    for changes in wrong.into_iter().chain(tails.iter().map(|tail| &tail[..])) {
        let mut bytes = good;
        changes
            .iter()
            .for_each(|(offset, number)| bytes[*offset..offset + 2].copy_from_slice(&number.to_le_bytes()));
        assert!(!is_page(&bytes), "{changes:?}");
    }
}
