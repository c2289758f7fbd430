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
    store::StoreClient, transport::AnyTransport,
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
        let options = GlobalOptions {
            json: false,
            quiet: true,
            bytes: false,
            raw: false,
            jobs: NonZeroUsize::new(jobs).unwrap(),
            wait: Duration::ZERO,
        };
        Context::new(options, Interrupt::listen())
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
    assert_eq!(failed.len(), 1);
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
