//! Repairs an image.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::Store;
use crate::base::problem::Problem;

impl<M: Memory + Clone> Store<M> {
    /// Repairs what can be repaired without losing data, and returns what was repaired. Today that is one
    /// problem: an arena without its sentinel, which a bug in an earlier version could cause.
    ///
    /// The time grows with what is stored, like that of [`check`](Self::check), which reports what can be
    /// repaired.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] with the first problem that cannot be repaired and that prevents checking the
    /// rest; nothing has been written in that case.
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
    fn repair_restores_a_lost_sentinel_of_the_arena() {
        let mut store = Store::open(VectorMemory::default()).unwrap();
        store.put(Put::new("a", &[1; 100_000]), 1).unwrap();
        assert_eq!(store.repair(), Ok(Vec::new()));
        store.core.space.memory(ARENA).write(BUCKET_BYTES - 32, &[0; 8]);
        let problems = store.check().problems;
        assert!(problems[0].what.contains("a repair restores it"), "{problems:?}");
        let repaired = store.repair().unwrap();
        assert_eq!(
            repaired,
            [Problem { what: "the sentinel of the arena was lost".into(), offset: BUCKET_BYTES - 32 }]
        );
        assert!(store.check().is_sound());
        assert_eq!(store.get("a").unwrap(), [1; 100_000]);
    }
}
