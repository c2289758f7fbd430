//! The slots that a change has looked at, with a hash table that finds them by their numbers.

use super::slot::{Kind, Slot, SlotNumber};

/// Place of a slot in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At(u32);

/// What a change does with a slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) number: SlotNumber,
    /// Whether the slot differs from the memory.
    pub(super) is_changed: bool,
    /// Whether the digest of the subtree of a node must be computed again.
    pub(super) is_stale: bool,
    /// Whether the digest of a node and its right subtree must be computed again.
    pub(super) is_joined_anew: bool,
}

/// The slots that a change has looked at, in the order in which it did.
#[derive(Default)]
pub(super) struct Plan {
    /// Buffers. Those of an earlier change are used again, which saves writing zeroes first.
    slots: Vec<Slot>,
    /// One for each slot in the plan.
    marks: Vec<Mark>,
    /// Places plus one, by numbers; 0 is vacant. At least twice as many as marks, a power of two.
    table: Vec<u32>,
}

/// Slots of the smallest plan: enough for most changes of trees of a million labels.
const SMALLEST: usize = 64;

/// Slots of the largest plan whose buffers are kept for the next change.
const LARGEST_KEPT: usize = 256;

impl Plan {
    /// Returns an empty plan with the same buffers.
    pub(super) fn emptied(mut self) -> Self {
        if self.marks.len() > LARGEST_KEPT {
            return Self::default();
        }
        self.marks.clear();
        self.table.fill(0);
        self
    }

    /// Returns the place of a slot.
    pub(super) fn find(&self, number: SlotNumber) -> Option<At> {
        let mut next = self.first_probe(number)?;
        loop {
            let place = self.table[next].checked_sub(1)?;
            if self.marks[place as usize].number == number {
                return Some(At(place));
            }
            next = (next + 1) & (self.table.len() - 1);
        }
    }

    /// Returns the buffer of the next slot that will be added. Its contents are those of an earlier slot.
    pub(super) fn vacant(&mut self) -> &mut Slot {
        let place = self.marks.len();
        if self.slots.len() == place {
            self.slots.resize(SMALLEST.max(2 * place), Slot::EMPTY);
        }
        &mut self.slots[place]
    }

    /// Adds the slot in the [`vacant`](Self::vacant) buffer, which is not in the plan.
    pub(super) fn add(&mut self, number: SlotNumber) -> At {
        let place = self.marks.len();
        debug_assert!(self.slots.len() > place, "the slot has a buffer");
        self.marks.push(Mark { number, is_changed: false, is_stale: false, is_joined_anew: false });
        if self.table.len() < 2 * self.marks.len() {
            self.table = vec![0; (4 * SMALLEST).max(2 * self.table.len())];
            (0..=place).for_each(|place| self.enter(place));
        } else {
            self.enter(place);
        }
        At(place as u32)
    }

    fn enter(&mut self, place: usize) {
        let mut next = self.first_probe(self.marks[place].number).expect("the table has been made");
        while self.table[next] != 0 {
            next = (next + 1) & (self.table.len() - 1);
        }
        self.table[next] = place as u32 + 1;
    }

    /// Returns where the search of a number begins, or `None` without a table.
    fn first_probe(&self, number: SlotNumber) -> Option<usize> {
        // Fibonacci hashing: the high bits of the product.
        let bits = self.table.len().checked_ilog2()?;
        Some((number.0.wrapping_mul(0x9e37_79b9) >> (u32::BITS - bits)) as usize)
    }

    pub(super) fn slot(&self, at: At) -> &Slot {
        &self.slots[at.0 as usize]
    }

    pub(super) fn slot_mut(&mut self, at: At) -> &mut Slot {
        &mut self.slots[at.0 as usize]
    }

    pub(super) fn mark(&self, at: At) -> &Mark {
        &self.marks[at.0 as usize]
    }

    pub(super) fn mark_mut(&mut self, at: At) -> &mut Mark {
        &mut self.marks[at.0 as usize]
    }

    /// Returns the place of a node whose digest must be computed again.
    pub(super) fn find_stale(&self, number: SlotNumber) -> Option<At> {
        if number.is_none() {
            return None;
        }
        self.find(number).filter(|&at| self.mark(at).is_stale && self.slot(at).kind() == Kind::Node)
    }

    /// Returns the slots that differ from the memory.
    pub(super) fn changed(&mut self) -> impl Iterator<Item = (SlotNumber, &mut Slot)> {
        let slots = self.marks.iter().zip(&mut self.slots);
        slots.filter(|(mark, _)| mark.is_changed).map(|(mark, slot)| (mark.number, slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_found_again_however_many_there_are() {
        let mut plan = Plan::default();
        for (slots, kept) in [(1, SMALLEST), (LARGEST_KEPT, LARGEST_KEPT), (1_000, 0), (5, SMALLEST)] {
            let number = |place: usize| SlotNumber(1 + 7 * place as u32);
            let label = |place: usize| place.to_be_bytes();
            for place in 0..slots {
                assert_eq!(plan.find(number(place)), None);
                plan.vacant().become_node(&label(place), SlotNumber::NONE);
                let at = plan.add(number(place));
                plan.mark_mut(at).is_changed = place % 3 == 0;
            }
            for place in 0..slots {
                let at = plan.find(number(place)).unwrap();
                assert_eq!((plan.mark(at).number, at), (number(place), At(place as u32)));
                assert_eq!(plan.slot(at).inline_label(), label(place));
            }
            assert_eq!(plan.changed().count(), usize::div_ceil(slots, 3));
            plan = plan.emptied();
            assert_eq!((plan.find(number(0)), plan.slots.len()), (None, kept));
        }
    }
}
