//! Insertion and removal of a label in one tree: left-leaning red-black trees, which are 2-3 trees whose nodes of two labels are a
//! black node with a red left child.
//!
//! Every function takes the root of a subtree and returns the root after it.

use std::cmp::Ordering;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::change::{Change, Passed};
use super::plan::At;
use super::slot::{Kept, Link, SlotNumber};
use super::tree::{Steps, Wanted, damaged};

impl<M: Memory> Change<'_, M> {
    /// Inserts a new red node at the end of the way to its label, and returns the root of the tree.
    pub(super) fn insert_node(&mut self, way: &[Passed], new: At) -> Result<SlotNumber, Error> {
        let mut below = new;
        for &(at, side) in way.iter().rev() {
            below = self.put_below(at, side, below)?;
        }
        self.recolor(below)?.set_red(false);
        Ok(self.number(below))
    }

    /// Puts a subtree in the place of a child of a node, and balances it. Only a subtree whose root has become red can be out of
    /// balance there: the black nodes beside it need not even be read.
    fn put_below(&mut self, at: At, side: Ordering, below: At) -> Result<At, Error> {
        let link = if side == Ordering::Less { Link::Left } else { Link::Right };
        self.link_to(at, link, Some(below))?;
        let is_red = self.plan.slot(below).is_red();
        match link {
            Link::Right if is_red && self.is_child_red(at, Link::Left)? => self.flip_colors(at),
            Link::Right if is_red => self.rotate_left(at),
            Link::Left if is_red && self.is_planned_red(self.plan.slot(below).link(Link::Left)) => {
                let up = self.rotate_right(at)?;
                self.flip_colors(up)
            }
            _ => Ok(at),
        }
    }

    /// Returns whether a node is red that is black if the change has not looked at it: the left child of a red node.
    fn is_planned_red(&self, number: SlotNumber) -> bool {
        self.plan.find(number).is_some_and(|at| self.plan.slot(at).is_red())
    }

    /// Removes a label that is in the tree, and returns the root of the tree. Whatever color the root has on the way down, nothing
    /// asks for it, and it is black in the end.
    pub(super) fn remove_label(&mut self, root: SlotNumber, label: &[u8]) -> Result<SlotNumber, Error> {
        let at = self.node_at(root)?;
        let Some(at) = self.remove_below(at, &Wanted::new(label), &mut Steps::default())? else {
            return Ok(SlotNumber::NONE);
        };
        self.recolor(at)?.set_red(false);
        Ok(self.number(at))
    }

    fn remove_below(
        &mut self,
        mut at: At,
        wanted: &Wanted<'_>,
        steps: &mut Steps,
    ) -> Result<Option<At>, Error> {
        steps.take(self.number(at))?;
        if self.compare(wanted, at)? == Ordering::Less {
            if self.is_two_node(at, Link::Left)? {
                at = self.move_red_left(at)?;
            }
            let left = self.child(at, Link::Left)?;
            let left = self.remove_below(left, wanted, steps)?;
            self.link_to(at, Link::Left, left)?;
            return self.balance(at).map(Some);
        }
        if self.is_child_red(at, Link::Left)? {
            at = self.rotate_right(at)?;
        }
        if self.plan.slot(at).link(Link::Right).is_none() {
            let is_here = self.compare(wanted, at)? == Ordering::Equal;
            return if is_here { self.free_node(at) } else { Err(damaged(self.number(at))) };
        }
        if self.is_two_node(at, Link::Right)? {
            at = self.move_red_right(at)?;
        }
        let right = self.child(at, Link::Right)?;
        let right = if self.compare(wanted, at)? == Ordering::Equal {
            self.exchange_with_smallest(at, right)?;
            self.remove_smallest(right, steps)?
        } else {
            self.remove_below(right, wanted, steps)?
        };
        self.link_to(at, Link::Right, right)?;
        self.balance(at).map(Some)
    }

    /// Exchanges the label and the value of a node with those of the smallest label of its right subtree.
    fn exchange_with_smallest(&mut self, at: At, right: At) -> Result<(), Error> {
        let mut smallest = right;
        let mut steps = Steps::default();
        while !self.plan.slot(smallest).link(Link::Left).is_none() {
            steps.take(self.number(smallest))?;
            smallest = self.child(smallest, Link::Left)?;
        }
        let (node, successor) = (self.plan.slot(at).clone(), self.plan.slot(smallest).clone());
        self.change(smallest)?.take_label_and_value(&node);
        self.change(at)?.take_label_and_value(&successor);
        Ok(())
    }

    /// Removes the node of the smallest label of a tree.
    fn remove_smallest(&mut self, mut at: At, steps: &mut Steps) -> Result<Option<At>, Error> {
        steps.take(self.number(at))?;
        if self.plan.slot(at).link(Link::Left).is_none() {
            return self.free_node(at);
        }
        if self.is_two_node(at, Link::Left)? {
            at = self.move_red_left(at)?;
        }
        let left = self.child(at, Link::Left)?;
        let left = self.remove_smallest(left, steps)?;
        self.link_to(at, Link::Left, left)?;
        self.balance(at).map(Some)
    }

    /// Frees a node without children whose value has been freed. Nothing is in its place then.
    fn free_node(&mut self, at: At) -> Result<Option<At>, Error> {
        let number = self.number(at);
        let node = self.change(at)?;
        if !node.link(Link::Left).is_none() || !node.link(Link::Right).is_none() {
            return Err(damaged(number));
        }
        node.set_link(Link::Tree, SlotNumber::NONE);
        self.free(number)?;
        Ok(None)
    }

    fn balance(&mut self, mut at: At) -> Result<At, Error> {
        if self.is_child_red(at, Link::Right)? && !self.is_child_red(at, Link::Left)? {
            at = self.rotate_left(at)?;
        }
        if self.is_child_red(at, Link::Left)? {
            let left = self.child(at, Link::Left)?;
            if self.is_child_red(left, Link::Left)? {
                at = self.rotate_right(at)?;
            }
        }
        if self.is_child_red(at, Link::Left)? && self.is_child_red(at, Link::Right)? {
            self.flip_colors(at)?;
        }
        Ok(at)
    }

    fn move_red_left(&mut self, at: At) -> Result<At, Error> {
        self.flip_colors(at)?;
        let right = self.child(at, Link::Right)?;
        if !self.is_child_red(right, Link::Left)? {
            return Ok(at);
        }
        let right = self.rotate_right(right)?;
        self.link_to(at, Link::Right, Some(right))?;
        let at = self.rotate_left(at)?;
        self.flip_colors(at)
    }

    fn move_red_right(&mut self, at: At) -> Result<At, Error> {
        self.flip_colors(at)?;
        let left = self.child(at, Link::Left)?;
        if !self.is_child_red(left, Link::Left)? {
            return Ok(at);
        }
        let at = self.rotate_right(at)?;
        self.flip_colors(at)
    }

    /// Puts the left child in the place of its parent.
    fn rotate_right(&mut self, at: At) -> Result<At, Error> {
        let up = self.child(at, Link::Left)?;
        self.take_child(at, Link::Left, up, Link::Right)?;
        self.link_to(up, Link::Right, Some(at))?;
        Ok(up)
    }

    /// Puts the right child in the place of its parent.
    fn rotate_left(&mut self, at: At) -> Result<At, Error> {
        let up = self.child(at, Link::Right)?;
        self.take_child(at, Link::Right, up, Link::Left)?;
        self.plan.mark_mut(at).is_joined_anew = true;
        self.link_to(up, Link::Left, Some(at))?;
        Ok(up)
    }

    /// Replaces the child `up` of a node by a child of `up`, which gets the color of the node. The node becomes red.
    fn take_child(&mut self, at: At, link: Link, up: At, of_up: Link) -> Result<(), Error> {
        let kept = |link| if link == Link::Left { Kept::Left } else { Kept::Right };
        let child = self.plan.slot(up);
        let (target, digest) = (child.link(of_up), *child.digest(kept(of_up)));
        let node = self.change(at)?;
        let is_red = node.is_red();
        node.set_link(link, target);
        node.set_digest(kept(link), &digest);
        node.set_red(true);
        self.change(up)?.set_red(is_red);
        Ok(())
    }

    fn flip_colors(&mut self, at: At) -> Result<At, Error> {
        for at in [at, self.child(at, Link::Left)?, self.child(at, Link::Right)?] {
            let node = self.recolor(at)?;
            node.set_red(!node.is_red());
        }
        Ok(at)
    }

    /// Sets a child of a node.
    fn link_to(&mut self, at: At, link: Link, child: Option<At>) -> Result<(), Error> {
        let number = child.map_or(SlotNumber::NONE, |child| self.number(child));
        self.change(at)?.set_link(link, number);
        self.plan.mark_mut(at).is_joined_anew |= link == Link::Right;
        Ok(())
    }

    /// Returns a child of a node that must have it.
    fn child(&mut self, at: At, link: Link) -> Result<At, Error> {
        self.node_at(self.plan.slot(at).link(link))
    }

    fn is_child_red(&mut self, at: At, link: Link) -> Result<bool, Error> {
        if self.plan.slot(at).link(link).is_none() {
            return Ok(false);
        }
        let child = self.child(at, link)?;
        Ok(self.plan.slot(child).is_red())
    }

    /// Returns whether a child and its left child are black.
    fn is_two_node(&mut self, at: At, link: Link) -> Result<bool, Error> {
        if self.plan.slot(at).link(link).is_none() {
            return Ok(true);
        }
        let child = self.child(at, link)?;
        Ok(!self.plan.slot(child).is_red() && !self.is_child_red(child, Link::Left)?)
    }
}
