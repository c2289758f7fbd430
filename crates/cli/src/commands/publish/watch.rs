//! Changes of a folder that is watched.

use crate::tree::Entry;

/// Name, size and time of the last modification of each file.
type Look = Vec<(String, u64, u64)>;

/// Decides when a folder is published again: when it differs from what was published, and has not changed between two looks.
/// A build that writes its files one after the other is published once.
#[derive(Debug, Default)]
pub(super) struct Changes {
    published: Look,
    seen: Look,
}

impl Changes {
    /// Records the files that are published.
    pub(super) fn publish(&mut self, entries: &[Entry]) {
        self.published = look(entries);
        self.seen.clone_from(&self.published);
    }

    /// Returns whether the folder is to be published, given its files now. An empty folder is one that is being written.
    pub(super) fn have_settled(&mut self, entries: &[Entry]) -> bool {
        let now = look(entries);
        let is_settled = now == self.seen && now != self.published && !now.is_empty();
        self.seen = now;
        is_settled
    }
}

fn look(entries: &[Entry]) -> Look {
    entries.iter().map(|entry| (entry.name.clone(), entry.size, entry.modified_ns)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::tree::Content;

    fn files(sizes: &[u64]) -> Vec<Entry> {
        let file = |size: &u64| Entry {
            name: size.to_string(),
            size: *size,
            modified_ns: 0,
            content: Content::File(PathBuf::new()),
            attributes: None,
        };
        sizes.iter().map(file).collect()
    }

    #[test]
    fn a_folder_is_published_when_it_has_settled() {
        let mut changes = Changes::default();
        changes.publish(&files(&[1, 2]));
        assert!(!changes.have_settled(&files(&[1, 2])));
        // While it changes from look to look, it is not published.
        for sizes in [&[1][..], &[1, 3], &[1, 3, 4]] {
            assert!(!changes.have_settled(&files(sizes)), "{sizes:?}");
        }
        assert!(changes.have_settled(&files(&[1, 3, 4])));
        changes.publish(&files(&[1, 3, 4]));
        assert!(!changes.have_settled(&files(&[1, 3, 4])));
    }

    #[test]
    fn a_time_is_a_change_and_a_return_is_none() {
        let mut changes = Changes::default();
        changes.publish(&files(&[1]));
        assert!(!changes.have_settled(&files(&[2])));
        assert!(!changes.have_settled(&files(&[1])));
        assert!(!changes.have_settled(&files(&[1])));
        let mut later = files(&[1]);
        later[0].modified_ns = 1;
        assert!(!changes.have_settled(&later));
        assert!(changes.have_settled(&later));
    }

    #[test]
    fn an_empty_folder_is_not_published() {
        let mut changes = Changes::default();
        changes.publish(&files(&[1]));
        for _ in 0..3 {
            assert!(!changes.have_settled(&[]));
        }
    }
}
