//! Folders whose process dies at each step, whose disk is full or loses unsynced data, or that are corrupt.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::journal::Journal;
use super::names::stable_file;
use crate::config::{Config, UpgradeOptions};
use crate::disk::faults;
use crate::error::{CallError, HostError};
use crate::host::EmbeddedIc;
use crate::notice::{Finding, Notice};

const SECTOR: usize = 512;
/// Offset of the second number, on another page.
const FAR: u64 = 50_000;

/// Canister with a number in its heap and at two offsets of stable memory. A step increments it; a start on existing
/// stable memory reads it from there. `fill` writes 208 pages that had no content, and `again` writes them again. `one`
/// writes a single page that had no content.
fn canister(extra: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
        (import "ic0" "msg_reply" (func $msg_reply))
        (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
        (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
        (import "ic0" "stable64_size" (func $size (result i64)))
        (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
        (import "ic0" "stable64_read" (func $read (param i64 i64 i64)))
        (memory (export "memory") 1)
        (func $keep
            (call $write (i64.const 0) (i64.const 0) (i64.const 8))
            (call $write (i64.const {FAR}) (i64.const 0) (i64.const 8)))
        (func $reply (call $append (i32.const 0) (i32.const 8)) (call $msg_reply))
        (func (export "canister_init") (drop (call $grow (i64.const 1))) (call $keep))
        (func (export "canister_post_upgrade") (call $read (i64.const 0) (i64.const 0) (i64.const 8)))
        (func (export "canister_update step")
            (i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1)))
            (call $keep) (call $reply))
        (func (export "canister_update fill")
            (call $write_from (i64.mul (call $grow (i64.const 13)) (i64.const 65536))) (call $reply))
        (func (export "canister_update one")
            (call $write (i64.mul (call $grow (i64.const 1)) (i64.const 65536)) (i64.const 0) (i64.const 8))
            (call $reply))
        (func (export "canister_update again") (call $write_from (i64.const 65536)) (call $reply))
        (func $write_from (param $at i64)
            (loop
                (call $write (local.get $at) (i64.const 0) (i64.const 4096))
                (local.set $at (i64.add (local.get $at) (i64.const 4096)))
                (br_if 0 (i64.lt_u (local.get $at) (i64.mul (call $size) (i64.const 65536))))))
        (func (export "canister_query number") (call $reply)) {extra})"#
    );
    wat::parse_str(text).unwrap()
}

fn open(path: &Path) -> Result<EmbeddedIc, HostError> {
    EmbeddedIc::open_dir(path, Config::default())
}

fn call(ic: &mut EmbeddedIc, method: &str) -> Result<u64, CallError> {
    let sender = ic.controllers()[0];
    let reply = ic.update(sender, method, b"")?;
    Ok(u64::from_le_bytes(reply.bytes[..].try_into().unwrap()))
}

/// Returns the number, which must be the same everywhere.
fn number(ic: &mut EmbeddedIc) -> u64 {
    let sender = ic.controllers()[0];
    let reply = ic.query(sender, "number", b"").unwrap();
    let heap = u64::from_le_bytes(reply.bytes[..].try_into().unwrap());
    for at in [0, FAR] {
        let mut bytes = [0; 8];
        ic.read_stable(at, &mut bytes).unwrap();
        assert_eq!(u64::from_le_bytes(bytes), heap, "stable memory at {at}");
    }
    heap
}

/// Folder in a temporary one.
struct Fixture {
    folder: TempDir,
}

impl Fixture {
    /// Creates a folder with a canister that has made `steps` steps since the checkpoint, after one before it.
    fn new(steps: u64) -> Self {
        let this = Self { folder: TempDir::new().unwrap() };
        let mut ic = EmbeddedIc::create_dir(&this.path(), Config::default()).unwrap();
        ic.install(&canister(""), b"").unwrap();
        assert_eq!(call(&mut ic, "step").unwrap(), 1);
        ic.close().unwrap();
        let mut ic = open(&this.path()).unwrap();
        for _ in 0..steps {
            call(&mut ic, "step").unwrap();
        }
        this
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Returns a copy of the folder, which replaces the last one.
    fn copy(&self) -> PathBuf {
        let to = self.folder.path().join("copy");
        let _ = fs::remove_dir_all(&to);
        fs::create_dir(&to).unwrap();
        for entry in fs::read_dir(self.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
        to
    }

    /// Returns an image of a stable memory with another number and many pages.
    fn image(&self, number: u64) -> PathBuf {
        let path = self.folder.path().join("image");
        let image = File::create(&path).unwrap();
        image.set_len(40 << 16).unwrap();
        image.write_all_at(&[9; 3 << 16], 1 << 20).unwrap();
        for at in [0, FAR] {
            image.write_all_at(&number.to_le_bytes(), at).unwrap();
        }
        path
    }
}

/// Lets the process die at each step of an action on a folder. Afterwards the folder has one of two numbers, accepts a
/// step, and has no other files.
fn dies_anywhere(before: u64, after: u64, act: impl Fn(&Fixture, &mut EmbeddedIc) -> Result<(), CallError>) {
    let fixture = Fixture::new(2);
    let mut found = [0; 2];
    for steps in 0.. {
        let path = fixture.copy();
        let mut ic = open(&path).unwrap();
        let ((), died) = faults::dying_after(steps, || {
            let result = act(&fixture, &mut ic);
            drop(ic);
            assert!(steps > 100_000 || result.is_ok() || result.is_err());
        });
        let mut ic = open(&path).unwrap();
        let number = number(&mut ic);
        found[usize::from(number == after)] += 1;
        assert!([before, after].contains(&number), "{number} after {steps} steps");
        assert_eq!(call(&mut ic, "step").unwrap(), number + 1);
        ic.close().unwrap();
        assert_eq!(self::number(&mut open(&path).unwrap()), number + 1);
        let left =
            fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let left: Vec<_> = left.collect();
        assert_eq!(left.len(), 6, "after {steps} steps: {left:?}");
        if !died {
            assert_eq!(number, after);
            break;
        }
    }
    assert!(before == after || found[0] > 0 && found[1] > 0, "{found:?}");
}

#[test]
fn killed_import_is_all_or_nothing() {
    dies_anywhere(3, 70, |fixture, ic| {
        ic.upgrade_onto(&fixture.image(70), &canister("(func)"), b"").map(|_| ())
    });
}

#[test]
fn killed_import_without_a_module_is_all_or_nothing() {
    dies_anywhere(3, 70, |fixture, ic| ic.upgrade_onto(&fixture.image(70), &canister(""), b"").map(|_| ()));
}

#[test]
fn killed_reinstall_is_all_or_nothing() {
    dies_anywhere(3, 0, |_, ic| ic.reinstall(&canister("(func)"), b"").map(|_| ()));
}

#[test]
fn killed_upgrade_is_all_or_nothing() {
    dies_anywhere(3, 3, |_, ic| ic.upgrade(&canister("(func)"), b"", UpgradeOptions::default()).map(|_| ()));
}

#[test]
fn killed_message_is_all_or_nothing() {
    dies_anywhere(3, 4, |_, ic| {
        call(ic, "step").map(|_| ())?;
        ic.checkpoint().map_err(CallError::Host)
    });
    dies_anywhere(3, 3, |_, ic| call(ic, "fill").map(|_| ()));
}

/// The second of two large messages finds no space, and frees some during its commit.
#[test]
fn process_can_die_while_space_is_freed() {
    dies_anywhere(3, 4, |_, ic| {
        call(ic, "fill")?;
        faults::with_room(1_300_000, || {
            call(ic, "again")?;
            call(ic, "again")?;
            call(ic, "step").map(drop)
        })
    });
}

#[test]
fn killed_creation_can_be_repeated() {
    for steps in 0.. {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("state");
        let (_, died) =
            faults::dying_after(steps, || EmbeddedIc::create_dir(&path, Config::default()).map(drop));
        if !died {
            break;
        }
        let made = EmbeddedIc::create_dir(&path, Config::default());
        if matches!(made, Err(HostError::FolderExists { .. })) {
            // It was complete, but not forced to the disk.
            open(&path).unwrap();
        } else {
            made.unwrap();
        }
    }
}

#[test]
fn a_failed_import_changes_nothing_and_leaves_no_files() {
    let fixture = Fixture::new(1);
    let mut ic = open(&fixture.path()).unwrap();
    let error = ic.upgrade_onto(&fixture.image(70), &canister("(func $t unreachable) (start $t)"), b"");
    assert!(matches!(error, Err(CallError::Rejected(_))), "{error:?}");
    assert_eq!(number(&mut ic), 2);
    assert!(!fixture.path().join(stable_file(2)).exists());
    ic.upgrade_onto(&fixture.image(70), &canister(""), b"").unwrap();
    assert_eq!((number(&mut ic), ic.stable_pages()), (70, 40));
    let mut byte = [0];
    ic.read_stable((1 << 20) + 99_999, &mut byte).unwrap();
    assert_eq!(byte, [9]);
}

/// Returns the offsets of the records of a journal, and its length.
fn records(journal: &[u8]) -> Vec<usize> {
    let starts = (SECTOR..journal.len()).step_by(SECTOR).filter(|&at| journal[at..].starts_with(b"REC2"));
    starts.chain([journal.len()]).collect()
}

/// Returns a folder with this journal and the other files of the checkpoint.
fn with_journal(before: &Fixture, journal: &[u8]) -> PathBuf {
    let path = before.copy();
    fs::write(path.join("journal.bin"), journal).unwrap();
    path
}

/// Returns a folder at its checkpoint, and the journal of three later steps.
fn three_steps() -> (Fixture, Vec<u8>) {
    let fixture = Fixture::new(0);
    let path = fixture.copy();
    let mut ic = open(&path).unwrap();
    for _ in 0..3 {
        call(&mut ic, "step").unwrap();
    }
    (fixture, fs::read(path.join("journal.bin")).unwrap())
}

#[test]
fn power_cut_loses_only_the_last_record() {
    let (fixture, journal) = three_steps();
    let starts = records(&journal);
    assert_eq!(starts.len(), 4);
    let last = starts[2];
    for at in (last..journal.len()).step_by(SECTOR) {
        let mut zeroed = journal.clone();
        zeroed[at..].fill(0);
        let mut hole = journal.clone();
        hole[at..at + SECTOR].fill(0);
        let mut longer = zeroed.clone();
        longer.extend([0; 3 * SECTOR]);
        for (what, cut) in
            [("missing", &journal[..at]), ("zeros", &zeroed), ("a hole", &hole), ("zeros after", &longer)]
        {
            let path = with_journal(&fixture, cut);
            let mut ic = open(&path).unwrap_or_else(|error| panic!("{what} at {at}: {error}"));
            // If the bytes were zeros before, nothing is missing.
            let is_whole = cut.starts_with(&journal);
            let expected = if is_whole { 4 } else { 3 };
            assert_eq!(number(&mut ic), expected, "{what} at {at}");
            let is_noticed = ic.notices().iter().any(|notice| matches!(notice, Notice::Unfinished { .. }));
            assert_eq!(is_noticed, cut.len() > last && cut != journal, "{what} at {at}: {:?}", ic.notices());
            assert_eq!(call(&mut ic, "step").unwrap(), expected + 1);
            drop(ic);
            assert_eq!(number(&mut open(&path).unwrap()), expected + 1, "{what} at {at}");
        }
    }
}

/// Pages that are forced together with the last record can be missing while the record is complete: its message was not
/// answered, and is not applied.
#[test]
fn power_cut_can_lose_pages_of_the_last_record() {
    let fixture = Fixture::new(1);
    let mut ic = open(&fixture.path()).unwrap();
    call(&mut ic, "fill").unwrap();
    drop(ic);
    let (first, last) = (65_536, 14 * 65_536 - 4_096);
    for lost in [first..first + 4_096, last..last + 4_096, first + 4_096..first + 40_960, first..last + 4_096]
    {
        let path = fixture.copy();
        let stable = File::options().write(true).open(path.join(stable_file(1))).unwrap();
        stable.write_all_at(&vec![0; (lost.end - lost.start) as usize], lost.start).unwrap();
        let mut ic = open(&path).unwrap();
        assert_eq!((number(&mut ic), ic.stable_pages()), (2, 1), "{lost:?}");
        let notices = ic.notices();
        assert!(notices.iter().any(|notice| matches!(notice, Notice::Unfinished { .. })), "{notices:?}");
        assert_eq!(call(&mut ic, "step").unwrap(), 3);
        call(&mut ic, "fill").unwrap();
        drop(ic);
        let mut ic = open(&path).unwrap();
        assert_eq!((number(&mut ic), ic.stable_pages()), (3, 14), "{lost:?}");
        let mut bytes = [0; 8];
        ic.read_stable(last, &mut bytes).unwrap();
        assert_eq!(u64::from_le_bytes(bytes), 3);
    }
}

/// Later records may have changed pages that were forced with an earlier one.
#[test]
fn rewritten_pages_are_not_compared_with_earlier_records() {
    let fixture = Fixture::new(1);
    for act in ["again", "step"] {
        let mut ic = open(&fixture.copy()).unwrap();
        call(&mut ic, "fill").unwrap();
        call(&mut ic, "step").unwrap();
        call(&mut ic, "again").unwrap();
        call(&mut ic, act).unwrap();
        let number = number(&mut ic);
        drop(ic);
        let mut ic = open(&fixture.path().with_file_name("copy")).unwrap();
        assert_eq!((self::number(&mut ic), ic.stable_pages()), (number, 14));
        assert!(ic.notices().is_empty(), "{:?}", ic.notices());
        let mut bytes = [0; 8];
        ic.read_stable(65_536, &mut bytes).unwrap();
        assert_eq!(u64::from_le_bytes(bytes), 3);
    }
}

#[test]
fn data_missing_before_the_last_record_is_corruption() {
    let (fixture, journal) = three_steps();
    let starts = records(&journal);
    for at in (starts[1]..starts[2]).step_by(SECTOR) {
        let mut bad = journal.clone();
        bad[at..at + SECTOR].fill(0);
        if bad == journal {
            continue;
        }
        let path = with_journal(&fixture, &bad);
        let error = open(&path).map(|_| ()).unwrap_err();
        assert!(matches!(error, HostError::Damaged { .. }), "byte {at}: {error}");
        assert_eq!(fs::read(path.join("journal.bin")).unwrap(), bad, "nothing was repaired");
    }
}

#[test]
fn flipped_bit_in_the_last_record_is_corruption() {
    let (fixture, journal) = three_steps();
    for at in (SECTOR..journal.len()).step_by(257) {
        let mut bad = journal.clone();
        bad[at] ^= 0x10;
        let error = open(&with_journal(&fixture, &bad)).map(|_| ()).unwrap_err();
        assert!(matches!(error, HostError::Damaged { .. }), "byte {at}: {error}");
    }
}

/// Returns the contents of all files.
fn files(path: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn read_only_folder_answers_queries_and_is_not_written() {
    let (fixture, journal) = three_steps();
    let path = with_journal(&fixture, &[&journal[..], &[0; SECTOR]].concat());
    let before = files(&path);
    let mut ic = EmbeddedIc::open_dir(&path, Config::default().with_read_only()).unwrap();
    // Another host can read at the same time.
    let mut other = EmbeddedIc::open_dir(&path, Config::default().with_read_only()).unwrap();
    assert_eq!((number(&mut ic), number(&mut other)), (4, 4));
    assert!(
        matches!(ic.notices(), [Notice::Unfinished { .. }, Notice::ReadOnly { .. }]),
        "{:?}",
        ic.notices()
    );
    assert!(matches!(open(&path).map(|_| ()), Err(HostError::FolderInUse { .. })));
    let error = call(&mut ic, "step").unwrap_err();
    assert!(matches!(error, CallError::Host(HostError::ReadOnly { .. })), "{error}");
    let error = ic.upgrade_onto(&fixture.image(1), &canister(""), b"").unwrap_err();
    assert!(matches!(error, CallError::Host(HostError::ReadOnly { .. })), "{error}");
    assert!(matches!(ic.set_running(false), Err(HostError::ReadOnly { .. })));
    assert!(matches!(ic.import_stable(&fixture.image(1)), Err(HostError::ReadOnly { .. })));
    assert_eq!(number(&mut ic), 4);
    ic.close().unwrap();
    drop(other);
    assert!(files(&path) == before, "the folder was written to");
    assert_eq!(number(&mut open(&path).unwrap()), 4);
}

#[test]
fn a_message_that_does_not_fit_changes_nothing() {
    let fixture = Fixture::new(1);
    let path = fixture.path();
    let mut ic = open(&path).unwrap();
    faults::with_room(100 << 10, || {
        let error = call(&mut ic, "fill").unwrap_err();
        let CallError::Host(HostError::DiskFull { folder, disk, missing, .. }) = &error else {
            panic!("{error}")
        };
        assert!(folder == &path && path.starts_with(disk) && *missing > 0, "{error}");
        assert_eq!((number(&mut ic), ic.stable_pages()), (2, 1));
        // The space of the attempt is free again, and a small change fits.
        assert_eq!(call(&mut ic, "step").unwrap(), 3);
    });
    assert_eq!(ic.stable_pages(), 1);
    call(&mut ic, "fill").unwrap();
    drop(ic);
    let mut ic = open(&path).unwrap();
    assert_eq!((number(&mut ic), ic.stable_pages()), (3, 14));
    let mut bytes = [0; 8];
    ic.read_stable(14 * 65_536 - 4_096, &mut bytes).unwrap();
    assert_eq!(u64::from_le_bytes(bytes), 3);
}

#[test]
fn reserved_journal_space_allows_small_changes_on_a_full_disk() {
    let fixture = Fixture::new(0);
    let path = fixture.path();
    // Only the reserved space of the journal.
    faults::with_room(2_560 << 10, || {
        let mut ic = open(&path).unwrap();
        for step in 2..12 {
            assert_eq!(call(&mut ic, "step").unwrap(), step);
        }
        let error = call(&mut ic, "fill").unwrap_err();
        assert!(matches!(error, CallError::Host(HostError::DiskFull { .. })), "{error}");
        ic.close().unwrap();
    });
    assert_eq!(number(&mut open(&path).unwrap()), 11);
}

/// A message waits for the disk once. Its pages are written once if many of them had no content.
#[test]
fn a_message_waits_for_the_disk_once() {
    let fixture = Fixture::new(0);
    let path = fixture.path();
    let mut ic = open(&path).unwrap();
    let journal = || fs::metadata(path.join("journal.bin")).unwrap().len();
    for (method, least, most) in
        [("step", 0, 20_000), ("one", 4_096, 20_000), ("fill", 0, 20_000), ("again", 208 * 4_096, 1_000_000)]
    {
        let before = journal();
        let (done, counted) = faults::counting_syncs(|| call(&mut ic, method));
        done.unwrap();
        let written = journal() - before;
        assert_eq!(counted, 1, "{method}");
        assert!((least..most).contains(&written), "{written} bytes of journal for {method}");
    }
    drop(ic);
    let mut ic = open(&path).unwrap();
    assert_eq!((number(&mut ic), ic.stable_pages()), (2, 15));
    let mut bytes = [0; 8];
    ic.read_stable(65_536, &mut bytes).unwrap();
    assert_eq!(u64::from_le_bytes(bytes), 2);
}

/// A page that goes through the journal needs space in the file of stable memory first.
#[test]
fn a_small_message_that_does_not_fit_changes_nothing() {
    let fixture = Fixture::new(0);
    let path = fixture.path();
    faults::with_room(2_560 << 10, || {
        let mut ic = open(&path).unwrap();
        let fits = (0..1_000).take_while(|_| call(&mut ic, "one").is_ok()).count() as u64;
        assert!(fits < 20, "{fits} pages fit");
        let error = call(&mut ic, "one").unwrap_err();
        assert!(matches!(error, CallError::Host(HostError::DiskFull { .. })), "{error}");
        assert_eq!((number(&mut ic), ic.stable_pages()), (1, 1 + fits));
        assert_eq!(call(&mut ic, "step").unwrap(), 2);
        ic.close().unwrap();
        assert!(open(&path).unwrap().notices().is_empty());
    });
    let mut ic = open(&path).unwrap();
    call(&mut ic, "one").unwrap();
    assert_eq!(number(&mut ic), 2);
}

/// Rewritten pages go through the journal, which is emptied when it has no space left.
#[test]
fn disk_with_space_for_one_message_accepts_any_number() {
    let fixture = Fixture::new(0);
    let path = fixture.path();
    let mut ic = open(&path).unwrap();
    call(&mut ic, "fill").unwrap();
    ic.close().unwrap();
    // A record of 208 pages has 0.9 MB.
    faults::with_room(2 << 20, || {
        let mut ic = open(&path).unwrap();
        for step in 2..12 {
            call(&mut ic, "again").unwrap();
            assert_eq!(call(&mut ic, "step").unwrap(), step);
        }
        drop(ic);
        let mut ic = open(&path).unwrap();
        assert_eq!(number(&mut ic), 11);
        let mut bytes = [0; 8];
        ic.read_stable(14 * 65_536 - 4_096, &mut bytes).unwrap();
        assert_eq!(u64::from_le_bytes(bytes), 10);
    });
}

#[test]
fn journal_without_space_to_apply_is_overlaid() {
    let (fixture, journal) = three_steps();
    let path = with_journal(&fixture, &journal);
    // Files whose pages are not allocated, as on a copy-on-write disk.
    for name in ["heap.bin", &stable_file(1)] {
        let file = File::options().write(true).open(path.join(name)).unwrap();
        let len = file.metadata().unwrap().len();
        file.set_len(0).unwrap();
        file.set_len(len).unwrap();
    }
    faults::with_room(0, || {
        let mut ic = open(&path).unwrap();
        assert_eq!(number(&mut ic), 4);
        let [Notice::DiskFull { folder, missing, .. }] = ic.notices() else { panic!("{:?}", ic.notices()) };
        assert!(folder == &path && *missing > 0);
        let error = call(&mut ic, "step").unwrap_err();
        assert!(matches!(error, CallError::Host(HostError::DiskFull { .. })), "{error}");
        assert_eq!(number(&mut ic), 4);
        ic.close().unwrap();
    });
    faults::with_room(60 << 10, || {
        let mut ic = open(&path).unwrap();
        assert_eq!(number(&mut ic), 4);
    });
    let mut ic = open(&path).unwrap();
    assert!(ic.notices().is_empty(), "{:?}", ic.notices());
    assert_eq!(call(&mut ic, "step").unwrap(), 5);
    ic.close().unwrap();
    assert_eq!(number(&mut open(&path).unwrap()), 5);
}

#[test]
fn an_import_that_does_not_fit_changes_nothing() {
    let fixture = Fixture::new(0);
    let image = fixture.image(70);
    let mut ic = open(&fixture.path()).unwrap();
    faults::with_room(100 << 10, || {
        let error = ic.upgrade_onto(&image, &canister(""), b"").unwrap_err();
        assert!(matches!(error, CallError::Host(HostError::DiskFull { .. })), "{error}");
    });
    assert_eq!(number(&mut ic), 1);
    ic.upgrade_onto(&image, &canister(""), b"").unwrap();
    assert_eq!(number(&mut ic), 70);
}

#[test]
fn truncated_and_changed_files_are_detected() {
    let fixture = Fixture::new(0);
    for (name, change) in [
        (stable_file(1), (|file: &File| file.set_len(FAR)) as fn(&File) -> std::io::Result<()>),
        ("heap.bin".into(), |file| file.set_len(0)),
        ("heap.bin".into(), |file| file.set_len(4_095)),
        ("heap.bin".into(), |file| file.write_all_at(&[0x80], 3)),
    ] {
        let path = fixture.copy();
        change(&File::options().write(true).open(path.join(&name)).unwrap()).unwrap();
        let before = files(&path);
        let error = open(&path).map(|_| ()).unwrap_err();
        assert!(matches!(&error, HostError::Damaged { path, .. } if path.ends_with(&name)), "{error}");
        assert!(files(&path) == before, "something was repaired");
    }
}

#[test]
fn repair_reports_and_makes_the_repairs() {
    let (fixture, journal) = three_steps();
    let starts = records(&journal);
    // A page of the second record, then all of its description; a page of the heap; an incomplete record.
    let (mut page, mut whole) = (journal.clone(), journal.clone());
    page[starts[2] - 4_096] ^= 1;
    whole[starts[1] + 70] ^= 1;
    let unfinished = journal[..journal.len() - SECTOR].to_vec();
    for (journal, expected) in [(page, 4), (whole, 4), (unfinished, 3)] {
        let path = with_journal(&fixture, &journal);
        let before = files(&path);
        let inspection = EmbeddedIc::inspect_dir(&path, &Config::default()).unwrap();
        let findings = inspection.findings().to_vec();
        assert_eq!(findings.len(), 1, "{findings:?}");
        let mut bytes = [0; 8];
        inspection.read_stable(0, &mut bytes).unwrap();
        assert_eq!(u64::from_le_bytes(bytes), expected);
        drop(inspection);
        assert!(files(&path) == before, "looking changed something");
        assert_eq!(open(&path).is_err(), findings[0].is_damage());
        let repaired = EmbeddedIc::repair_dir(&path, Config::default(), &canister(""), b"").unwrap();
        assert!(repaired == findings || repaired.is_empty(), "{repaired:?}");
        let mut ic = open(&path).unwrap();
        assert_eq!(number(&mut ic), expected);
        assert_eq!(path.join("journal-damaged.bin").exists(), findings[0].is_damage());
        assert!(EmbeddedIc::inspect_dir(&fixture.path(), &Config::default()).unwrap().findings().is_empty());
    }
}

#[test]
fn corrupt_heap_is_rebuilt_from_stable_memory() {
    let fixture = Fixture::new(0);
    let path = fixture.path();
    File::options().write(true).open(path.join("heap.bin")).unwrap().write_all_at(&[7], 0).unwrap();
    assert!(open(&path).is_err());
    let findings = EmbeddedIc::repair_dir(&path, Config::default(), &canister(""), b"").unwrap();
    assert!(matches!(findings[..], [Finding::DamagedHeap { offset: 0, .. }]), "{findings:?}");
    assert_eq!(number(&mut open(&path).unwrap()), 1);
    // Missing data cannot be rebuilt.
    File::options().write(true).open(path.join(stable_file(1))).unwrap().set_len(0).unwrap();
    let findings = EmbeddedIc::inspect_dir(&path, &Config::default()).unwrap().findings().to_vec();
    assert!(matches!(findings[..], [Finding::ShortStableMemory { bytes: 0, .. }]), "{findings:?}");
    let error = EmbeddedIc::repair_dir(&path, Config::default(), &canister(""), b"").unwrap_err();
    assert!(matches!(error, CallError::Host(HostError::Damaged { .. })), "{error}");
}

#[test]
fn foreign_files_are_left_alone() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("notes.new"), "mine").unwrap();
    let made = EmbeddedIc::create_dir(folder.path(), Config::default()).map(|_| ());
    assert!(matches!(made, Err(HostError::FolderExists { .. })), "{made:?}");
    let fixture = Fixture::new(1);
    assert!(EmbeddedIc::is_dir(&fixture.path()) && !EmbeddedIc::is_dir(folder.path()));
    assert!(!EmbeddedIc::is_dir(&folder.path().join("none")));
    let others = ["notes.new", "module-notes.wasm", "stable-x.bin", "LOCK.new", "stable.bin.new"];
    for name in others {
        fs::write(fixture.path().join(name), "mine").unwrap();
    }
    open(&fixture.path()).unwrap().close().unwrap();
    for name in others {
        assert_eq!(fs::read(fixture.path().join(name)).unwrap(), b"mine", "{name}");
    }
    assert_eq!(fs::read(folder.path().join("notes.new")).unwrap(), b"mine");
}

#[test]
fn files_are_private() {
    let fixture = Fixture::new(1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&fixture.path()), 0o700);
    for (name, _) in files(&fixture.path()) {
        assert_eq!(mode(&fixture.path().join(&name)), 0o600, "{name}");
    }
    let image = fixture.folder.path().join("exported");
    open(&fixture.path()).unwrap().export_stable(&image).unwrap();
    assert_eq!(mode(&image), 0o600);
}

#[test]
fn a_folder_of_version_1_that_was_closed_is_opened() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state");
    let mut ic = EmbeddedIc::create_dir(&path, Config::default()).unwrap();
    ic.install(&canister(""), b"").unwrap();
    call(&mut ic, "step").unwrap();
    ic.close().unwrap();
    // Version 1 had one file of stable memory, ended its checkpoint after the state, and had a journal header of 16 bytes.
    fs::rename(path.join(stable_file(1)), path.join(stable_file(0))).unwrap();
    let mut state = fs::read(path.join("state.bin")).unwrap();
    state.truncate(32 + u64::from_le_bytes(state[24..32].try_into().unwrap()) as usize);
    state[8] = 1;
    state.extend(crc32fast::hash(&state).to_le_bytes());
    fs::write(path.join("state.bin"), state).unwrap();
    fs::write(path.join("journal.bin"), b"EICJRNL\0\x01\0\0\0\0\0\0\0").unwrap();
    let mut ic = EmbeddedIc::open_dir(&path, Config::default().with_read_only()).unwrap();
    assert_eq!(number(&mut ic), 1);
    drop(ic);
    let mut ic = open(&path).unwrap();
    assert_eq!((number(&mut ic), call(&mut ic, "step").unwrap()), (1, 2));
    drop(ic);
    let mut ic = open(&path).unwrap();
    assert_eq!(number(&mut ic), 2);
    ic.close().unwrap();
    assert_eq!(number(&mut open(&path).unwrap()), 2);
}

#[test]
fn unwritable_journal_accepts_no_more_records() {
    let fixture = Fixture::new(0);
    let mut ic = open(&fixture.path()).unwrap();
    let folder = ic.folder.as_mut().unwrap();
    let journal = fixture.path().join("journal.bin");
    let end = fs::metadata(&journal).unwrap().len();
    // A file that is open read-only rejects writes and truncation.
    folder.journal = Some(Journal::new(&journal, File::open(&journal).unwrap(), end).unwrap());
    assert!(matches!(call(&mut ic, "step"), Err(CallError::Host(HostError::Io { .. }))));
    assert!(matches!(call(&mut ic, "step"), Err(CallError::Host(HostError::Poisoned(_)))));
    assert_eq!(number(&mut ic), 1);
    drop(ic);
    assert_eq!(number(&mut open(&fixture.path()).unwrap()), 1);
}
