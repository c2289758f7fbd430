//! Many uploads: half of them are committed, half abandoned.

use serde_bytes::ByteBuf;
use stable_storage_api::limits::UPLOAD_IDLE_NS;
use stable_storage_api::{Received, Upload, UploadArgs, Written};

use crate::host::Host;
use crate::{bar, checkpoints, report, report_upgrade};

/// Uploads after which the abandoned ones expire. Fewer than half of them may be open at a time.
const ROUND: u64 = 1_500;

pub(crate) fn run(most: u64) {
    let mut host = Host::new();
    let bar = bar("uploads", most);
    let mut last = [0; 3];
    let mut checkpoints = checkpoints(most).into_iter().peekable();
    for number in 1..=most {
        let (upload, create): (Upload, u64) =
            host.update("create_upload", (UploadArgs::new(format!("{number:08}"), 100),));
        last[0] = create;
        if number % 2 == 0 {
            let (_, write): (Received, u64) =
                host.update("write_chunk", (upload.id, 0u64, ByteBuf::from(vec![7; 100])));
            let (_, commit): (Written, u64) = host.update("commit_upload", (upload.id,));
            last = [create, write, commit];
        }
        if checkpoints.next_if_eq(&number).is_some() {
            report("create_upload", number, last[0]);
            report("write_chunk of 100 B", number, last[1]);
            report("commit_upload", number, last[2]);
            report_upgrade("upgrade, by uploads", number, host.upgrade(false));
        }
        if number % ROUND == 0 {
            let later = host.ic.time_ns() + UPLOAD_IDLE_NS + 1;
            host.ic.set_time_ns(later);
        }
        bar.set_position(number);
    }
    bar.finish();
}
