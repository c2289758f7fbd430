//! Mending an image.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::Store;
use crate::base::problem::Problem;

impl<M: Memory + Clone> Store<M> {
    /// Mends what can be mended without losing anything, and reports each thing that it has mended. Today that is one: an
    /// arena that has lost its sentinel, which a mistake in growing it could do.
    ///
    /// Its time grows with what is stored, as that of [`check`](Self::check) does, which names what there is to mend.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] with the first thing that cannot be mended and keeps the rest from being judged; nothing has
    /// been written then.
    pub fn repair(&mut self) -> Result<Vec<Problem>, Error> {
        Ok(self.core.arena.repair()?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use ic_stable_structures::VectorMemory;

    use super::*;
    use crate::Put;
    use crate::base::layout::{ARENA, BUCKET_BYTES};

    #[test]
    fn a_store_whose_arena_has_lost_its_sentinel_works_after_a_repair() {
        let mut store = Store::open(VectorMemory::default()).unwrap();
        store.put(Put::new("a", &[1; 100_000]), 1).unwrap();
        assert_eq!(store.repair(), Ok(Vec::new()));
        store.core.space.memory(ARENA).write(BUCKET_BYTES - 32, &[0; 8]);
        let problems = store.check().problems;
        assert!(problems[0].what.contains("a repair writes it anew"), "{problems:?}");
        let mended = store.repair().unwrap();
        assert_eq!(
            mended,
            [Problem { what: "the sentinel of the arena was lost".into(), offset: BUCKET_BYTES - 32 }]
        );
        assert!(store.check().is_sound());
        assert_eq!(store.get("a").unwrap(), [1; 100_000]);
    }
}
