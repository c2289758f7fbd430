//! Comparison of the pages of objects.

use std::collections::BTreeSet;

use stable_storage_api::limits::MAX_REPLY_BYTES;
use stable_storage_api::{Error, ListArgs};

use super::{Differential, SOUND};
use crate::domains::{key, prefix};

/// Delimiters that cut keys of all kinds, one that follows many keys of which it cuts none, and one that no key has.
const DELIMITERS: [&str; 6] = ["/", "k", "w", "/w", "é", "zz"];

/// A listing with a delimiter: the objects and the common prefixes, in their order.
type Level = (Vec<String>, Vec<String>);

impl Differential {
    /// Compares pages of every size after every kind of cursor: an existing key, a removed one, the prefix, and others.
    pub(super) fn compare_pages(&self) {
        let step = self.step as u8;
        let (prefix, cursor) = (prefix(step), [Some(key(step.wrapping_mul(7))), Some(prefix(step)), None]);
        let start_after = cursor[usize::from(step / 8 % 3)].clone();
        let limit = [Some(1), Some(2), Some(7), Some(50), None][usize::from(step % 5)];
        let descending = Some(step / 24 % 2 == 1);
        let beyond = |key: &str| match &start_after {
            Some(cursor) if descending == Some(true) => key < cursor.as_str(),
            Some(cursor) => key > cursor.as_str(),
            None => true,
        };
        let mut expected: Vec<_> =
            self.model.values().filter(|(key, ..)| key.starts_with(&prefix) && beyond(key)).collect();
        if descending == Some(true) {
            expected.reverse();
        }
        let args = ListArgs { limit, descending, ..ListArgs::prefix(prefix) };
        let mut args = ListArgs { start_after: start_after.clone(), ..args };
        let mut listed = Vec::new();
        loop {
            let page = self.store.list(&args).expect(SOUND);
            assert!(
                page.objects.len() <= args.most() as usize
                    && (page.next.is_none() || !page.objects.is_empty())
            );
            listed.extend(page.objects.into_iter().map(|info| info.key));
            match page.next {
                Some(next) => args.start_after = Some(next),
                None => break,
            }
        }
        assert!(listed.iter().eq(expected.iter().map(|(key, ..)| key)), "{args:?} lists {listed:?}");

        // Only the first page has its values compared, because they are also compared one by one.
        args.start_after = start_after;
        match self.store.scan(&args) {
            Ok(page) => {
                assert!(
                    page.entries.len() <= args.most() as usize
                        && (!page.entries.is_empty() || expected.is_empty())
                );
                assert_eq!(page.next.is_none(), page.entries.len() == expected.len(), "{args:?}");
                for (entry, (key, _, value)) in page.entries.iter().zip(&expected) {
                    assert!(entry.key == *key && entry.value[..] == value[..], "{args:?}: {key} differs");
                }
            }
            Err(Error::TooLarge { size, limit: MAX_REPLY_BYTES }) => {
                assert_eq!(size, expected[0].2.len() as u64)
            }
            Err(error) => panic!("{args:?}: {error}"),
        }
    }

    /// Compares listings with a delimiter, in both directions, with every prefix, delimiter and kind of cursor in turn.
    pub(super) fn compare_levels(&self) {
        let step = self.step as usize;
        let delimiter = DELIMITERS[step % DELIMITERS.len()];
        let cursors = [None, Some(key((step * 11) as u8)), Some(prefix(step as u8)), Some("k/k/".into())];
        let start_after = cursors[step / 3 % cursors.len()].clone();
        let limit = [Some(1), Some(2), Some(9), None][step / 2 % 4];
        for is_descending in [false, true] {
            let args = ListArgs { limit, ..ListArgs::level(prefix((step / 6) as u8), delimiter) };
            let args = ListArgs { start_after: start_after.clone(), descending: Some(is_descending), ..args };
            assert_eq!(self.listed(&args), self.expected_level(&args), "{args:?}");
        }
    }

    /// Returns all pages of a listing.
    fn listed(&self, args: &ListArgs) -> Level {
        let (mut level, mut args) = (Level::default(), args.clone());
        loop {
            let page = self.store.list(&args).expect(SOUND);
            let items = page.objects.len() + page.prefixes.len();
            assert!(items <= args.most() as usize && (page.next.is_none() || items > 0), "{args:?}");
            level.0.extend(page.objects.into_iter().map(|info| info.key));
            level.1.extend(page.prefixes);
            match page.next {
                Some(next) => args.start_after = Some(next),
                None => return level,
            }
        }
    }

    /// Returns the listing of the model's objects, from a look at every key.
    fn expected_level(&self, args: &ListArgs) -> Level {
        let is_descending = args.descending == Some(true);
        let is_beyond = |key: &str| match &args.start_after {
            Some(cursor) if is_descending => key < cursor.as_str(),
            Some(cursor) => key > cursor.as_str(),
            None => true,
        };
        let delimiter = args.delimiter.as_deref().expect("a level has a delimiter");
        let (mut objects, mut prefixes) = (Vec::new(), BTreeSet::new());
        for key in self.model.values().map(|(key, ..)| key).filter(|key| is_beyond(key)) {
            let Some(name) = key.strip_prefix(&args.prefix) else { continue };
            match name.find(delimiter) {
                Some(at) => _ = prefixes.insert(&key[..args.prefix.len() + at + delimiter.len()]),
                None => objects.push(key.to_owned()),
            }
        }
        // A cursor that is a common prefix is after all of its keys.
        let prefixes = prefixes.into_iter().filter(|common| Some(*common) != args.start_after.as_deref());
        let mut prefixes: Vec<_> = prefixes.map(str::to_owned).collect();
        if is_descending {
            objects.reverse();
            prefixes.reverse();
        }
        (objects, prefixes)
    }
}
