//! Scopes: the prefixes of which something is certified, and whether an object is under one of them.

mod prefix;

use std::cell::RefCell;
use std::ops::Bound::Unbounded;
use std::rc::Rc;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use crate::core::Core;
use crate::core::certified::{Certified, damaged};
use crate::structures::btree::Raw;
pub(crate) use prefix::{Prefix, Progress};

/// The scopes of a store, which are read when they are first needed and then kept on the heap. Changes are written through.
#[derive(Default)]
pub(crate) struct Scopes {
    known: RefCell<Option<Rc<Known>>>,
}

/// All scopes.
#[derive(Default)]
pub(crate) struct Known {
    /// The certified prefixes, in their order. None is under another one.
    pub(crate) prefixes: Vec<Prefix>,
}

impl Scopes {
    /// Returns all scopes.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub(crate) fn all<M: Memory + Clone>(&self, core: &Core<M>) -> Result<Rc<Known>, Error> {
        let Some(certified) = core.certified() else { return Ok(Rc::default()) };
        let known = self.known.borrow().clone();
        if let Some(known) = known {
            return Ok(known);
        }
        let read = Rc::new(Known::read(certified)?);
        *self.known.borrow_mut() = Some(read.clone());
        Ok(read)
    }

    /// Returns the certified prefix of a key, if there is one.
    pub(crate) fn prefix_of<M: Memory + Clone>(
        &self,
        core: &Core<M>,
        key: &[u8],
    ) -> Result<Option<Prefix>, Error> {
        if core.certified().is_none() {
            return Ok(None);
        }
        let known = self.all(core)?;
        Ok(known.prefixes.iter().find(|scope| key.starts_with(scope.prefix.as_bytes())).cloned())
    }

    /// Forgets what is on the heap, after a change of the scopes.
    pub(crate) fn forget(&self) {
        *self.known.borrow_mut() = None;
    }
}

impl Known {
    fn read<M: Memory + Clone>(certified: &Certified<M>) -> Result<Self, Error> {
        let mut known = Self::default();
        for entry in certified.scopes.from(Unbounded, |_| true) {
            let (Raw(key), Raw(record)) = entry?;
            match key.split_first() {
                Some((&prefix::KIND, prefix)) => known.prefixes.push(Prefix::decode(prefix, &record)?),
                _ => return Err(damaged("a scope is of an unknown kind")),
            }
        }
        Ok(known)
    }
}
