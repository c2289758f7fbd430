//! Opening the maps of a store.

use ic_stable_structures::{Memory, Storable};

use crate::base::layout::{MemoryId, OBJECTS, tree_header_at};
use crate::base::open::OpenError;
use crate::memory::space::{Space, StoreMemory};
use crate::structures::btree::{self, Map};

/// Limit of the inner pages of the object index that are cached on the heap: 8 MiB, enough for four million
/// small objects.
const MAX_CACHED_PAGES: usize = 2_048;

/// Limit of the inner pages of another map that are cached on the heap.
const FEW_CACHED_PAGES: usize = 64;

/// Opens the map in the memory `id`. `name` is its name in errors.
pub(crate) fn open_map<K: Storable, V: Storable, M: Memory + Clone>(
    space: &Space<M>,
    id: MemoryId,
    name: &'static str,
) -> Result<Map<K, V, StoreMemory<M>>, OpenError> {
    let cached_pages = if id == OBJECTS { MAX_CACHED_PAGES } else { FEW_CACHED_PAGES };
    // Growing by less than a bucket would save nothing: a bucket belongs to one memory as a whole.
    let options = btree::Options { name, growth_pages: space.bucket_size().pages(), cached_pages };
    Map::open(space.memory(id), Some((space.first_page(), tree_header_at(id))), options)
}
