//! Lists of operations on a store and on the model: they must agree after every operation.

use stable_storage_api::limits::MIN_CAPACITY_BYTES;
use storage_model::{Differential, list_of_bytes};

/// Runs a list of operations on an empty store and on the model. A remaining byte selects a small memory.
pub fn operations(data: &[u8]) {
    let capacity = (data.len() % 2 == 1).then_some(MIN_CAPACITY_BYTES + 4 * (16 << 20));
    let mut pair = Differential::new(capacity);
    list_of_bytes(data).iter().for_each(|op| pair.apply(op));
    pair.drain();
}
