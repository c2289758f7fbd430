//! Insertion and removal of a label in one tree: left-leaning red-black trees, which are 2-3 trees whose nodes of two labels are a
//! black node with a red left child.
//!
//! Every function takes the slot of a root and returns the slot of the root after it.

use std::cmp::Ordering;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::change::Change;
use super::hash::Digest;
use super::slot::{SlotNumber, Subtree};
use super::tree::{Steps, damaged};

impl<M: Memory> Change<'_, M> {
    /// Inserts a label that is not in the tree.
    pub(super) fn insert_label(
        &mut self,
        root: SlotNumber,
        label: &[u8],
        value: (Digest, SlotNumber),
    ) -> Result<SlotNumber, Error> {
        let root = self.insert(root, label, value)?;
        self.recolor(root)?.is_red = false;
        Ok(root)
    }

    fn insert(
        &mut self,
        root: SlotNumber,
        label: &[u8],
        value: (Digest, SlotNumber),
    ) -> Result<SlotNumber, Error> {
        if root.is_none() {
            return self.new_node(label, value);
        }
        let node = *self.change(root)?;
        match self.compare(label, &node.label)? {
            Ordering::Less => {
                let left = self.insert(node.left.slot, label, value)?;
                self.change(root)?.left.slot = left;
            }
            Ordering::Greater => {
                let right = self.insert(node.right.slot, label, value)?;
                self.set_right(root, right)?;
            }
            Ordering::Equal => return Err(damaged(root)),
        }
        self.balance(root)
    }

    /// Removes a label that is in the tree.
    pub(super) fn remove_label(&mut self, root: SlotNumber, label: &[u8]) -> Result<SlotNumber, Error> {
        let node = *self.node(root)?;
        if !self.is_red(node.left.slot)? && !self.is_red(node.right.slot)? {
            self.recolor(root)?.is_red = true;
        }
        let root = self.remove_below(root, label, &mut Steps::default())?;
        if !root.is_none() {
            self.recolor(root)?.is_red = false;
        }
        Ok(root)
    }

    fn remove_below(
        &mut self,
        mut root: SlotNumber,
        label: &[u8],
        steps: &mut Steps,
    ) -> Result<SlotNumber, Error> {
        steps.take(root)?;
        let other = self.node(root)?.label;
        if self.compare(label, &other)? == Ordering::Less {
            if self.is_left_two_node(root)? {
                root = self.move_red_left(root)?;
            }
            let left = self.left(root)?;
            let left = self.remove_below(left, label, steps)?;
            self.change(root)?.left.slot = left;
            return self.balance(root);
        }
        if self.is_left_red(root)? {
            root = self.rotate_right(root)?;
        }
        if self.right(root)?.is_none() {
            let other = self.node(root)?.label;
            let is_here = self.compare(label, &other)? == Ordering::Equal;
            return if is_here { self.free_node(root) } else { Err(damaged(root)) };
        }
        if self.is_right_two_node(root)? {
            root = self.move_red_right(root)?;
        }
        let (node, right) = (*self.node(root)?, self.right(root)?);
        let right = if self.compare(label, &node.label)? == Ordering::Equal {
            let smallest = self.smallest(right)?;
            let successor = *self.node(smallest)?;
            let (one, other) = (self.change(smallest)?, node);
            (one.label, one.value) = (other.label, other.value);
            let root = self.change(root)?;
            (root.label, root.value) = (successor.label, successor.value);
            self.remove_smallest(right, steps)?
        } else {
            self.remove_below(right, label, steps)?
        };
        self.set_right(root, right)?;
        self.balance(root)
    }

    /// Removes the node of the smallest label of a tree.
    fn remove_smallest(&mut self, mut root: SlotNumber, steps: &mut Steps) -> Result<SlotNumber, Error> {
        steps.take(root)?;
        if self.left(root)?.is_none() {
            return self.free_node(root);
        }
        if self.is_left_two_node(root)? {
            root = self.move_red_left(root)?;
        }
        let left = self.left(root)?;
        let left = self.remove_smallest(left, steps)?;
        self.change(root)?.left.slot = left;
        self.balance(root)
    }

    /// Frees a node without children whose value has been freed.
    fn free_node(&mut self, number: SlotNumber) -> Result<SlotNumber, Error> {
        let node = self.change(number)?;
        if !node.left.slot.is_none() || !node.right.slot.is_none() {
            return Err(damaged(number));
        }
        node.value.tree = SlotNumber::NONE;
        self.free(number)?;
        Ok(SlotNumber::NONE)
    }

    fn smallest(&mut self, root: SlotNumber) -> Result<SlotNumber, Error> {
        let mut smallest = root;
        let mut steps = Steps::default();
        loop {
            steps.take(smallest)?;
            match self.left(smallest)? {
                SlotNumber::NONE => return Ok(smallest),
                left => smallest = left,
            }
        }
    }

    /// Returns whether the left child is black, and so is its left child.
    fn is_left_two_node(&mut self, root: SlotNumber) -> Result<bool, Error> {
        let left = self.left(root)?;
        self.is_two_node(left)
    }

    fn is_right_two_node(&mut self, root: SlotNumber) -> Result<bool, Error> {
        let right = self.right(root)?;
        self.is_two_node(right)
    }

    fn is_two_node(&mut self, root: SlotNumber) -> Result<bool, Error> {
        Ok(!self.is_red(root)? && !self.is_left_red(root)?)
    }

    fn balance(&mut self, mut root: SlotNumber) -> Result<SlotNumber, Error> {
        if self.is_right_red(root)? && !self.is_left_red(root)? {
            root = self.rotate_left(root)?;
        }
        let left = self.left(root)?;
        if self.is_red(left)? && self.is_left_red(left)? {
            root = self.rotate_right(root)?;
        }
        if self.is_left_red(root)? && self.is_right_red(root)? {
            self.flip_colors(root)?;
        }
        Ok(root)
    }

    fn move_red_left(&mut self, root: SlotNumber) -> Result<SlotNumber, Error> {
        self.flip_colors(root)?;
        let right = self.right(root)?;
        if !self.is_left_red(right)? {
            return Ok(root);
        }
        let right = self.rotate_right(right)?;
        self.set_right(root, right)?;
        let root = self.rotate_left(root)?;
        self.flip_colors(root)?;
        Ok(root)
    }

    fn move_red_right(&mut self, root: SlotNumber) -> Result<SlotNumber, Error> {
        self.flip_colors(root)?;
        let left = self.left(root)?;
        if !self.is_left_red(left)? {
            return Ok(root);
        }
        let root = self.rotate_right(root)?;
        self.flip_colors(root)?;
        Ok(root)
    }

    /// Puts the left child in the place of its parent.
    fn rotate_right(&mut self, root: SlotNumber) -> Result<SlotNumber, Error> {
        let (parent, up) = (*self.node(root)?, self.left(root)?);
        let child = *self.change(up)?;
        let node = self.change(root)?;
        node.left = child.right;
        node.is_red = true;
        self.change(up)?.is_red = parent.is_red;
        self.set_right(up, root)?;
        Ok(up)
    }

    /// Puts the right child in the place of its parent.
    fn rotate_left(&mut self, root: SlotNumber) -> Result<SlotNumber, Error> {
        let (parent, up) = (*self.node(root)?, self.right(root)?);
        let child = *self.change(up)?;
        let node = self.change(root)?;
        node.right = child.left;
        node.is_red = true;
        self.join_anew(root);
        let node = self.change(up)?;
        node.left = Subtree { slot: root, ..node.left };
        node.is_red = parent.is_red;
        Ok(up)
    }

    fn flip_colors(&mut self, root: SlotNumber) -> Result<(), Error> {
        for number in [root, self.left(root)?, self.right(root)?] {
            let node = self.recolor(number)?;
            node.is_red = !node.is_red;
        }
        Ok(())
    }

    fn set_right(&mut self, root: SlotNumber, right: SlotNumber) -> Result<(), Error> {
        self.change(root)?.right.slot = right;
        self.join_anew(root);
        Ok(())
    }

    fn left(&mut self, number: SlotNumber) -> Result<SlotNumber, Error> {
        if number.is_none() { Ok(number) } else { Ok(self.node(number)?.left.slot) }
    }

    fn right(&mut self, number: SlotNumber) -> Result<SlotNumber, Error> {
        if number.is_none() { Ok(number) } else { Ok(self.node(number)?.right.slot) }
    }

    fn is_left_red(&mut self, number: SlotNumber) -> Result<bool, Error> {
        let left = self.left(number)?;
        self.is_red(left)
    }

    fn is_right_red(&mut self, number: SlotNumber) -> Result<bool, Error> {
        let right = self.right(number)?;
        self.is_red(right)
    }

    fn is_red(&mut self, number: SlotNumber) -> Result<bool, Error> {
        Ok(!number.is_none() && self.node(number)?.is_red)
    }
}
