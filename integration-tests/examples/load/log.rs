//! Many entries of the log.

use candid::Nat;
use serde_bytes::ByteBuf;
use stable_storage_api::{Appended, ReadLogArgs};

use crate::host::Host;
use crate::{bar, checkpoints, report, report_upgrade};

const BATCH: u64 = 1_000;

pub(crate) fn run(most: u64) {
    let mut host = Host::new();
    let bar = bar("log", most);
    let batch = vec![ByteBuf::from(vec![b'e'; 100]); BATCH as usize];
    let mut count = 0;
    for checkpoint in checkpoints(most) {
        while count < checkpoint {
            let entries = &batch[..(checkpoint - count).min(BATCH) as usize];
            let (appended, _): (Appended, u64) = host.update("append", (entries,));
            count = appended.next;
            bar.set_position(count);
        }
        let (appended, append): (Appended, u64) = host.update("append", (&batch[..1],));
        count = appended.next;
        report("append of 100 B", checkpoint, append);
        report("readLast of 10", checkpoint, host.query("readLast", (Nat::from(10u8),)));
        let middle = ReadLogArgs { from: checkpoint / 2, limit: Some(10) };
        report("read_log of 10", checkpoint, host.query("read_log", (middle,)));
        report_upgrade("upgrade, by log entries", checkpoint, host.upgrade(false));
    }
    bar.finish();
}
