//! Large objects that are stored and deleted while 64 GiB are in use. Their bytes are never written: the engine creates the
//! image on a sparse file, and the canister is measured on it.

use std::fs::OpenOptions;

use integration_tests::data::Random;
use stable_storage_api::limits::CHUNK_BYTES;
use stable_storage_api::{Upload, UploadArgs, Written};
use storage_engine::{FileMemory, Store};

use crate::host::Host;
use crate::{bar, checkpoints, report, report_upgrade};

const GIB: u64 = 1 << 30;
const LIVE: u64 = 64 * GIB;

pub(crate) fn run(most: u64) {
    let folder = tempfile::tempdir().expect("there is a place for an image");
    let image = folder.path().join("image");
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&image);
    let mut store = Store::open(FileMemory::new(file.expect("the image can be made"))).expect("it is empty");
    let bar = bar("churn", most);
    let mut random = Random::new(64);
    let (mut held, mut live, mut count) = (Vec::new(), 0, 0);
    for checkpoint in checkpoints(most) {
        while count < checkpoint {
            let size = some_size(&mut random);
            let key = format!("{count:08}");
            store.put_sparse(&key, size).expect("there is room");
            held.push((key, size));
            live += size;
            while live > LIVE {
                let (key, size) = held.swap_remove(random.below(held.len()));
                store.delete(&key).expect("it is there");
                live -= size;
            }
            count += 1;
            bar.set_position(count);
        }
        store.seal();
        measure(checkpoint, &image);
    }
    bar.finish();
}

/// Measures operations on the image.
fn measure(checkpoint: u64, image: &std::path::Path) {
    let mut host = Host::new();
    host.ic.import_stable(image).expect("the image can be imported");
    // The heap belongs to the old memory, so its pre_upgrade must not run.
    host.upgrade(true);
    report_upgrade("upgrade, by churn", checkpoint, host.upgrade(false));
    let value = serde_bytes::ByteBuf::from(vec![7; 100_000]);
    let (_, put): (Written, u64) = host.update("put", ("small", &value));
    report("put of 100 kB, after churn", checkpoint, put);
    let (upload, create): (Upload, u64) = host.update("create_upload", (UploadArgs::new("large", GIB),));
    report("create_upload of 1 GiB, after churn", checkpoint, create);
    let (_, abort): ((), u64) = host.update("abort_upload", (upload.id,));
    report("abort of 1 GiB, after churn", checkpoint, abort);
}

/// Returns a size from 2 MiB to 4 GiB, with each power of two equally likely.
fn some_size(random: &mut Random) -> u64 {
    let floor = 1u64 << (21 + random.below(11));
    (floor + random.next_u64() % floor).max(CHUNK_BYTES + 1)
}
