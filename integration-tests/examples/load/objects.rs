//! Many small objects.

use stable_storage_api::{ListArgs, PutArgs, Written};

use crate::host::Host;
use crate::{bar, checkpoints, report, report_upgrade};

const BATCH: u64 = 1_000;

/// Operations per average: one in ten splits or merges pages.
const SAMPLE: u64 = 100;

pub(crate) fn run(most: u64) {
    let mut host = Host::new();
    let bar = bar("objects", most);
    let mut count = 0;
    for checkpoint in checkpoints(most) {
        while count < checkpoint {
            let numbers = count..(count + BATCH).min(checkpoint);
            count = numbers.end;
            let puts: Vec<_> = numbers.map(|number| PutArgs::new(key(number), vec![7; 100])).collect();
            let (_, _): (Vec<Written>, u64) = host.update("put_many", (puts,));
            bar.set_position(count);
        }
        let value = serde_bytes::ByteBuf::from(vec![8; 100]);
        let others = (1..=SAMPLE).map(|number| key(u64::MAX - number));
        let put = |key| host.update::<Written>("put", (key, &value)).1;
        report("put of 100 B", checkpoint, others.clone().map(put).sum::<u64>() / SAMPLE);
        let delete = |key| host.update::<bool>("delete", (key,)).1;
        report("delete of 100 B", checkpoint, others.map(delete).sum::<u64>() / SAMPLE);
        let some = (1..=SAMPLE).map(|number| key((checkpoint / SAMPLE * number).saturating_sub(1)));
        let get = |key| host.query("get", (key,));
        report("get of 100 B", checkpoint, some.map(get).sum::<u64>() / SAMPLE);
        let page =
            ListArgs { start_after: Some(key(checkpoint / 3)), limit: Some(100), ..ListArgs::prefix("") };
        report("list of 100 objects", checkpoint, host.query("list", (page,)));
        report_upgrade("upgrade, by objects", checkpoint, host.upgrade(false));
    }
    bar.finish();
}

/// Returns keys that are spread over the index.
fn key(number: u64) -> String {
    format!("object/{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
