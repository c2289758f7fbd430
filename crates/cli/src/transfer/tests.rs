//! Transfers to a canister that records the calls.

use std::{fs, num::NonZeroUsize, time::Duration};

use stable_storage_api::limits::MAX_PAYLOAD_BYTES;
use storage_client::Client;
use tempfile::TempDir;

use super::{
    testing::{Call, Fake},
    *,
};
use crate::{
    args::PutArgs, args::global::GlobalOptions, commands::put, failures::Failed, interrupt::Interrupt,
    store::StoreClient, transport::AnyTransport, tree::Entry,
};

/// Folder whose files are stored in the canister.
struct Upload {
    canister: Fake,
    client: StoreClient,
    folder: TempDir,
}

impl Upload {
    fn of(files: &[(&str, u64)]) -> Self {
        let (canister, folder) = (Fake::default(), TempDir::new().unwrap());
        for (name, size) in files {
            fs::File::create(folder.path().join(name)).unwrap().set_len(*size).unwrap();
        }
        Self { client: Client::new(AnyTransport::Fake(canister.clone())), canister, folder }
    }

    /// Returns a context with this number of jobs.
    fn context(jobs: usize) -> Context {
        Self::interrupted_by(Interrupt::listen(), jobs)
    }

    fn interrupted_by(interrupt: Interrupt, jobs: usize) -> Context {
        let options = GlobalOptions {
            json: false,
            quiet: true,
            bytes: false,
            raw: false,
            jobs: NonZeroUsize::new(jobs).unwrap(),
            wait: Duration::ZERO,
        };
        Context::new(options, interrupt)
    }

    /// Stores the files with this number of jobs. Files with this suffix come last.
    async fn run(&self, jobs: usize, last: &str) -> (Report, Vec<Failed>, Result<()>) {
        let context = Self::context(jobs);
        let target = Root::Prefix { client: &self.client, prefix: String::new(), label: String::new() };
        let options = Options { compare: Compare::Nothing, ..Options::default() };
        let job = Job { source: Root::Folder(self.folder.path().to_owned()), target, options };
        let mut failures = Failures::silent();
        let mut plan = Plan::make(&context, &job, &mut failures).await.unwrap();
        plan.make_last(|copy| matches!(copy, Copy::Upload { spec, .. } if spec.key.ends_with(last)));
        let (report, done) = achieve(&context, &job, &plan, &mut failures).await;
        (report, failures.into_items(), done)
    }
}

/// Batches of small files are stored concurrently, as many as there are jobs; with one job, one after the other.
#[tokio::test]
async fn batches_are_stored_concurrently() {
    let names: Vec<_> = (0..10).map(|number| format!("{number}")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), MAX_PAYLOAD_BYTES / 2)).collect();
    for (jobs, expected) in [(1, 1), (3, 3), (64, 10)] {
        let upload = Upload::of(&files);
        let (report, failed, done) = upload.run(jobs, "none").await;
        done.unwrap();
        assert_eq!((report.copied, failed.len()), (names.clone(), 0));
        assert_eq!(report.bytes, 10 * (MAX_PAYLOAD_BYTES / 2));
        let calls = upload.canister.calls();
        // Two of them do not fit one call, because each has a key.
        assert_eq!((calls.most_in_flight, calls.log.len()), (expected, 10));
    }
}

/// Files that are named one by one are stored concurrently as well.
#[tokio::test]
async fn named_files_are_stored_concurrently() {
    let names = ["a", "b", "c", "d"];
    for (jobs, expected) in [(1, 1), (3, 3), (64, 4)] {
        let upload = Upload::of(&names.map(|name| (name, 1)));
        let files = names.map(|name| upload.folder.path().join(name));
        let (context, args) = (Upload::context(jobs), PutArgs::default());
        put::store_files(&upload.client, &context, &args, &files, Some("folder/")).await.unwrap();
        let calls = upload.canister.calls();
        assert_eq!((calls.most_in_flight, calls.log.len()), (expected, names.len()));
    }
}

/// A file that is refused is reported alone: the others are stored, of its batch and of other batches.
#[tokio::test]
async fn refused_file_fails_alone() {
    let names: Vec<_> = (0..2_500).map(|number| format!("{number:04}")).collect();
    let mut files: Vec<_> = names.iter().map(|name| (name.as_str(), 1)).collect();
    files.extend([("0007bad", 1), ("1800bad", 1)]);
    let upload = Upload::of(&files);
    let (report, failed, done) = upload.run(4, "none").await;
    done.unwrap();
    assert_eq!(report.copied, names);
    assert_eq!(failed.len(), 2);
}

/// When the network fails, no further batch is sent, and those in flight are reported as what they are: stored or failed.
#[tokio::test]
async fn a_failed_network_ends_the_transfer() {
    let names: Vec<_> = (1..10).map(|number| format!("{number}")).collect();
    let mut files: Vec<_> = names.iter().map(|name| (name.as_str(), MAX_PAYLOAD_BYTES / 2)).collect();
    files.push(("0lost", MAX_PAYLOAD_BYTES / 2));
    let upload = Upload::of(&files);
    let (report, failed, done) = upload.run(3, "none").await;
    let error = format!("{:#}", done.unwrap_err());
    assert!(
        error.contains("cannot store") && error.contains("0lost") && error.contains("is down"),
        "{error}"
    );
    assert_eq!(report.copied, ["1", "2"]);
    let mut expected = vec![("0lost".to_owned(), vec!["is down"])];
    expected.extend((3..10).map(|number| (number.to_string(), vec!["not tried"])));
    let mut reasons = reasons(&failed, &["is down", "not tried"]);
    reasons.sort();
    assert_eq!(reasons, expected);
}

/// What comes last is sent when everything else has been sent, also large files. So a page is not stored before what it
/// refers to.
#[tokio::test]
async fn last_files_wait_for_all_others() {
    let upload = Upload::of(&[("a.html", 1), ("b.html", 1), ("large", MAX_PAYLOAD_BYTES + 1), ("z.css", 1)]);
    let (report, failed, done) = upload.run(8, ".html").await;
    done.unwrap();
    assert_eq!((report.copied, failed.len()), (vec!["a.html".into(), "b.html".into(), "z.css".into()], 1));
    let calls = upload.canister.calls();
    let put_many = |keys: &[&str]| Call::PutMany(keys.iter().map(ToString::to_string).collect());
    assert_eq!(calls.log.first(), Some(&put_many(&["z.css"])));
    assert_eq!(calls.log.last(), Some(&put_many(&["a.html", "b.html"])));
    assert!(matches!(calls.log[1], Call::Other(_)), "{:?}", calls.log);
}

/// Copies from a canister, and the canister that they go to.
struct FromStore {
    from: Fake,
    to: Fake,
    folder: TempDir,
}

impl FromStore {
    fn new() -> Self {
        Self { from: Fake::default(), to: Fake::default(), folder: TempDir::new().unwrap() }
    }

    /// Fetches objects to the folder, or copies them to the other canister.
    async fn run(&self, jobs: usize, keys: &[&str], fetches: bool) -> (Report, Vec<Failed>, Result<()>) {
        self.run_in(&Upload::context(jobs), keys, fetches).await
    }

    async fn run_in(
        &self,
        context: &Context,
        keys: &[&str],
        fetches: bool,
    ) -> (Report, Vec<Failed>, Result<()>) {
        let clients = [&self.from, &self.to].map(|fake| Client::new(AnyTransport::Fake(fake.clone())));
        let of = |client| Root::Prefix { client, prefix: String::new(), label: String::new() };
        let source = of(&clients[0]);
        let target = match fetches {
            true => Root::Folder(self.folder.path().to_owned()),
            false => of(&clients[1]),
        };
        let job = Job { source, target, options: Options::default() };
        let copy = |key: &&str| {
            Copy::new(Entry::of_object(key, testing::info(key)), None, &job.target, &job.options).unwrap()
        };
        let mut plan = Plan::default();
        plan.copies.extend(keys.iter().map(copy));
        let mut failures = Failures::silent();
        let (report, done) = achieve(context, &job, &plan, &mut failures).await;
        (report, failures.into_items(), done)
    }
}

/// Small objects are read several with a call, and as many calls are made at the same time as there are jobs.
#[tokio::test]
async fn small_objects_are_fetched_in_batches() {
    let names: Vec<_> = (0..16).map(|number| format!("{number:02}")).collect();
    let keys: Vec<_> = names.iter().map(String::as_str).collect();
    for (jobs, expected) in [(1, 1), (3, 3), (64, 4)] {
        let copies = FromStore::new();
        let (report, failed, done) = copies.run(jobs, &keys, true).await;
        done.unwrap();
        assert_eq!((&report.copied, failed.len()), (&names, 0));
        let calls = copies.from.calls();
        // Four of them fit a reply.
        assert_eq!((calls.most_in_flight, calls.log.len()), (expected, 4));
        assert_eq!(calls.log[0], Call::GetMany(names[..4].to_vec()));
        for name in &names {
            let written = fs::read(copies.folder.path().join(name)).unwrap();
            assert!(written.starts_with(name.as_bytes()) && written.len() == 500_000, "{name}");
        }
    }
}

/// Small objects are copied between canisters with two calls for several of them.
#[tokio::test]
async fn small_objects_are_copied_in_batches() {
    let names: Vec<_> = (0..16).map(|number| format!("{number:02}")).collect();
    let keys: Vec<_> = names.iter().map(String::as_str).collect();
    for (jobs, expected) in [(1, 1), (3, 3), (64, 4)] {
        let copies = FromStore::new();
        let (report, failed, done) = copies.run(jobs, &keys, false).await;
        done.unwrap();
        assert_eq!((&report.copied, failed.len()), (&names, 0));
        assert_eq!(copies.from.calls().log.len(), 4);
        let calls = copies.to.calls();
        assert_eq!((calls.most_in_flight, calls.log.len()), (expected, 4));
        assert_eq!(calls.log[0], Call::PutMany(names[..4].to_vec()));
    }
}

/// An object that has changed or is gone since it was listed, or that cannot be read with others, is read alone, so that a file
/// never has the content of another revision than its digest.
#[tokio::test]
async fn objects_that_have_changed_are_read_alone() {
    for fetches in [true, false] {
        let copies = FromStore::new();
        let (report, failed, done) =
            copies.run(1, &["a", "b-changed", "c-gone", "d-bad", "e", "f"], fetches).await;
        done.unwrap();
        assert_eq!(report.copied, ["a", "e", "f"]);
        // The canister of this test answers no other calls.
        assert_eq!(failed.len(), 3);
        assert_eq!(fs::read_dir(copies.folder.path()).unwrap().count(), if fetches { 3 } else { 0 });
        assert!(copies.from.calls().log.iter().any(|call| matches!(call, Call::Other(_))));
    }
}

/// When the network fails, no further batch is read or stored.
#[tokio::test]
async fn a_failed_network_ends_the_reading() {
    for fetches in [true, false] {
        let copies = FromStore::new();
        let keys = ["a", "b", "c", "d", "e-lost", "f", "g", "h", "i"];
        let (report, failed, done) = copies.run(1, &keys, fetches).await;
        let error = format!("{:#}", done.unwrap_err());
        assert!(error.contains("4 objects: ") && error.contains("is down"), "{error}");
        assert_eq!(report.copied, ["a", "b", "c", "d"]);
        let of = |name: &str, text| (name.to_owned(), vec![text]);
        let mut expected: Vec<_> = ["e-lost", "f", "g", "h"].map(|name| of(name, "is down")).into();
        expected.push(of("i", "not tried"));
        assert_eq!(reasons(&failed, &["is down", "not tried"]), expected);
    }
}

/// Returns the failed items with what the errors contain of these texts.
fn reasons(failed: &[Failed], texts: &[&'static str]) -> Vec<(String, Vec<&'static str>)> {
    let json = serde_json::to_value(failed).unwrap();
    let reason = |failed: &serde_json::Value| {
        let (item, error) = (failed["item"].as_str().unwrap(), failed["error"].as_str().unwrap());
        let name = item.trim_matches('"').rsplit('/').next().unwrap().to_owned();
        (name, texts.iter().copied().filter(|text| error.contains(text)).collect())
    };
    let mut reasons: Vec<_> = json.as_array().unwrap().iter().map(reason).collect();
    reasons.sort();
    reasons
}

/// Every file has a result if an error ends the job: small ones of batches that had not begun, large ones, and those that come last.
#[tokio::test]
async fn batches_that_had_not_begun_are_reported() {
    let large = MAX_PAYLOAD_BYTES + 1;
    let upload = Upload::of(&[
        ("0lost", MAX_PAYLOAD_BYTES / 2),
        ("1", MAX_PAYLOAD_BYTES / 2),
        ("2", 1),
        ("3", large),
        ("4.html", 1),
    ]);
    let (report, failed, done) = upload.run(1, ".html").await;
    done.unwrap_err();
    assert_eq!(report.copied, Vec::<String>::new());
    let of = |name: &str, text| (name.to_owned(), vec![text]);
    let expected = [
        of("0lost", "is down"),
        of("1", "not tried"),
        of("2", "not tried"),
        of("3", "not tried"),
        of("4.html", "not tried"),
    ];
    assert_eq!(reasons(&failed, &["is down", "not tried"]), expected);
}

/// Every copy has a result if an error ends the job after a call was refused and its halves are tried: those that were not tried
/// are reported as well.
#[tokio::test]
async fn what_is_not_tried_after_an_error_is_reported() {
    let texts = ["is down", "not tried"];
    // The call for all of them is refused, and that for the first half of them ends the job.
    let names = ["a", "b-late", "d-bad", "e"];
    let upload = Upload::of(&names.map(|name| (name, 1)));
    let (report, failed, done) = upload.run(1, "none").await;
    let error = format!("{:#}", done.unwrap_err());
    assert!(error.contains("cannot store 2 files: ") && error.contains("is down"), "{error}");
    let of = |name: &str, text| (name.to_owned(), vec![text]);
    let halves =
        [of("a", "is down"), of("b-late", "is down"), of("d-bad", "not tried"), of("e", "not tried")];
    assert_eq!((report.copied, reasons(&failed, &texts)), (vec![], halves.to_vec()));
    for fetches in [true, false] {
        let copies = FromStore::new();
        let (report, failed, done) = copies.run(1, &names, fetches).await;
        done.unwrap_err();
        assert_eq!((report.copied, reasons(&failed, &texts)), (vec![], halves.to_vec()));
    }
    // What was to be read alone is not tried either, and what was read is complete.
    for fetches in [true, false] {
        let copies = FromStore::new();
        let (report, failed, done) = copies.run(1, &["a-bad", "b", "c-late", "d"], fetches).await;
        done.unwrap_err();
        let expected = [of("a-bad", "not tried"), of("c-late", "is down"), of("d", "is down")];
        assert_eq!((report.copied, reasons(&failed, &texts)), (vec!["b".into()], expected.to_vec()));
    }
}

/// If both stores of a copy end the job, each copy is reported with the error that it is prevented by.
#[tokio::test]
async fn two_errors_that_end_a_job_are_reported() {
    let copies = FromStore::new();
    let (report, failed, done) = copies.run(1, &["a-bad", "b-denied", "c-late", "d"], false).await;
    done.unwrap_err();
    let texts = ["unauthorized", "is down", "not tried"];
    let of = |name: &str, text| (name.to_owned(), vec![text]);
    let expected = [
        of("a-bad", "not tried"),
        of("b-denied", "unauthorized"),
        of("c-late", "is down"),
        of("d", "is down"),
    ];
    assert_eq!((report.copied, reasons(&failed, &texts)), (vec![], expected.to_vec()));
}

/// After Ctrl-C in the middle of a batch, the files that are complete are reported as fetched, and the others as not complete.
#[tokio::test]
async fn files_that_are_complete_at_ctrl_c_are_reported() {
    let (pressed, interrupt) = Interrupt::manual();
    let (copies, context) = (FromStore::new(), Upload::interrupted_by(interrupt, 1));
    let names: Vec<_> = (10..40).map(|number| format!("{number}small")).collect();
    let keys: Vec<_> = names.iter().map(String::as_str).collect();
    let press = async {
        while !copies.folder.path().join(keys[0]).exists() {
            tokio::task::yield_now().await;
        }
        pressed.send_replace(true);
    };
    let ((report, failed, done), ()) = tokio::join!(copies.run_in(&context, &keys, true), press);
    assert!(done.unwrap_err().is::<Interrupted>());
    let (complete, others) = keys.split_at(report.copied.len());
    assert_eq!(report.copied, complete);
    // All of them are in a batch.
    assert!((1..keys.len()).contains(&complete.len()), "{complete:?}");
    let mut names: Vec<_> =
        fs::read_dir(copies.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, complete);
    let expected: Vec<_> =
        others.iter().map(|name| ((*name).to_owned(), vec!["interrupted before"])).collect();
    assert_eq!(reasons(&failed, &["interrupted before"]), expected);
}

/// What is stored before Ctrl-C is reported as stored, also if its call was a part of a refused one.
#[tokio::test]
async fn parts_of_a_batch_that_are_stored_at_ctrl_c_are_reported() {
    let upload = Upload::of(&[("a", 1), ("b", 1), ("c", 1), ("d-bad", 1)]);
    let (pressed, interrupt) = Interrupt::manual();
    let context = Upload::interrupted_by(interrupt, 1);
    let target = Root::Prefix { client: &upload.client, prefix: String::new(), label: String::new() };
    let options = Options { compare: Compare::Nothing, ..Options::default() };
    let job = Job { source: Root::Folder(upload.folder.path().to_owned()), target, options };
    let mut failures = Failures::silent();
    let plan = Plan::make(&context, &job, &mut failures).await.unwrap();
    let press = async {
        while upload.canister.calls().log.is_empty() {
            tokio::task::yield_now().await;
        }
        pressed.send_replace(true);
    };
    let ((report, done), ()) = tokio::join!(achieve(&context, &job, &plan, &mut failures), press);
    assert!(done.unwrap_err().is::<Interrupted>());
    assert_eq!(report.copied, ["a", "b"]);
    assert_eq!((failures.count(), failures.undone()), (2, 2));
}

/// For each folder, and not for each file, a job looks for abandoned files and finds out the permissions of new files.
#[tokio::test]
async fn temporary_files_are_one_for_each_file() {
    let folder = TempDir::new().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::create_dir_all(from.join("sub")).unwrap();
    for number in 0..20 {
        fs::write(from.join(number.to_string()), b"content").unwrap();
        fs::write(from.join(format!("sub/{number}")), b"content").unwrap();
    }
    let context = Upload::context(4);
    let job = Job { source: Root::Folder(from), target: Root::Folder(to), options: Options::default() };
    let mut failures = Failures::silent();
    let plan = Plan::make(&context, &job, &mut failures).await.unwrap();
    let (report, done) = achieve(&context, &job, &plan, &mut failures).await;
    done.unwrap();
    assert_eq!((report.copied.len(), context.temporary.created()), (40, 40 + 2));
}
