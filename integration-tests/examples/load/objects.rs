//! Many small objects.

use storage_api::{ListArgs, ObjectInfo, PutArgs};

use crate::host::Host;
use crate::{bar, checkpoints, report, report_upgrade};

const BATCH: u64 = 1_000;

pub(crate) fn run(most: u64) {
    let mut host = Host::new();
    let bar = bar("objects", most);
    let mut count = 0;
    for checkpoint in checkpoints(most) {
        while count < checkpoint {
            let numbers = count..(count + BATCH).min(checkpoint);
            count = numbers.end;
            let puts: Vec<_> = numbers.map(|number| PutArgs::new(key(number), vec![7; 100])).collect();
            let (_, _): (Vec<ObjectInfo>, u64) = host.update("put_many", (puts,));
            bar.set_position(count);
        }
        let value = serde_bytes::ByteBuf::from(vec![8; 100]);
        let (_, put): (ObjectInfo, u64) = host.update("put", (key(u64::MAX - checkpoint), &value));
        report("put of 100 B", checkpoint, put);
        let (_, delete): (bool, u64) = host.update("delete", (key(u64::MAX - checkpoint),));
        report("delete of 100 B", checkpoint, delete);
        report("get of 100 B", checkpoint, host.query("get", (key(checkpoint / 2),)));
        let page = ListArgs { start_after: Some(key(checkpoint / 3)), limit: 100, ..ListArgs::prefix("") };
        report("list of 100 objects", checkpoint, host.query("list", (page,)));
        report_upgrade("upgrade, by objects", checkpoint, host.upgrade(false));
    }
    bar.finish();
}

/// Keys that fall all over the index.
fn key(number: u64) -> String {
    format!("object/{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
