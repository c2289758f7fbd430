//! Entries of the index that no change wrote.

use super::super::entry::{Entry, ValueLocation};
use super::super::metadata::Metadata;
use super::{put, store};
use crate::base::problem::Problem;
use crate::core::key::Key;

/// A record whose checksums are right may still have a revision that was never assigned, or that another
/// object has.
#[test]
fn check_reports_revisions_that_no_change_assigned() {
    for (revision, is_good) in [(0, false), (1, false), (2, true), (3, false), (u64::MAX, false)] {
        let mut store = store();
        put(&mut store, "one", b"x");
        put(&mut store, "two", b"x");
        let (metadata, location) = (Metadata::default(), ValueLocation::Inline(b"x"));
        let entry = Entry { size: 1, revision, created_ns: 0, modified_ns: 0, metadata, location };
        let mut index = store.core.index.begin();
        index.insert(&Key::of(b"two"), &entry.encode()).unwrap();
        index.commit();
        let problems = store.check().problems;
        let is_named = |problem: &Problem| problem.what.contains("which was never assigned");
        assert_eq!(problems.is_empty(), is_good, "{revision}");
        assert_eq!(problems.iter().any(is_named), !is_good, "{revision}: {problems:?}");
    }
}
