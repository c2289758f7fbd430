//! A whole store with changed bytes.

use arbitrary::{Arbitrary, Unstructured};
use ic_stable_structures::Memory;
use stable_storage_api::{DeletePrefixArgs, Error, UploadArgs};
use storage_engine::{Put, Store};
use storage_testkit::SparseMemory;

use super::base::{ADMIN, KEYS, MADE_NS, with_base};
use super::patch::{Patch, apply_all};
use super::reads::{Arguments, read_everything};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    arguments: Arguments,
    /// Whether the checksums match, so that the checks after them are reached.
    sealed: bool,
    /// Number of pages by which the memory is larger.
    more_pages: u8,
    patches: Vec<Patch<'a>>,
}

/// Opens a store with changed bytes, reads everything, and then changes something. Nothing panics, reading
/// writes nothing, and a store that [`Store::check`] finds sound can be changed and stays sound.
pub fn image(data: &[u8]) {
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(data)) else { return };
    let memory = with_base(|base| {
        let memory = base.copy();
        memory.grow(input.more_pages.into());
        apply_all(&input.patches, input.sealed, base, &memory);
        memory
    });
    let before = memory.copy();
    let opened = Store::open(memory.clone());
    let is_sound = opened.as_ref().is_ok_and(|store| read_everything(store, &input.arguments));
    assert!(memory.same_as(&before), "opening and reading changed the memory");
    if let Ok(mut store) = opened {
        let changed = change(&mut store);
        if is_sound {
            assert!(
                !matches!(changed, Err(Error::Corrupted { .. })),
                "a sound store was corrupted: {changed:?}"
            );
            assert_eq!(store.check().problems, []);
        }
    }
}

/// Makes a change in every structure, up to the first refusal: for lack of memory, a counter at its limit, or
/// corruption.
fn change(store: &mut Store<SparseMemory>) -> Result<(), Error> {
    store.put(Put::new(KEYS[2], &[1; 30_000]), MADE_NS)?;
    store.put(Put::new(KEYS[5], b"new"), MADE_NS)?;
    store.append(&["one more", "and another"])?;
    store.delete(KEYS[3])?;
    let id = store.create_upload(&UploadArgs::new("a", 70_000), &ADMIN, MADE_NS)?.id;
    store.write_chunk(id, 0, &[2; 70_000], &ADMIN, MADE_NS)?;
    store.commit_upload(id, &ADMIN, MADE_NS)?;
    store.region_grow(17, 300, &ADMIN)?;
    store.delete_prefix(&DeletePrefixArgs { prefix: String::new(), limit: Some(100) })?;
    Ok(())
}
