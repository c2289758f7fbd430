//! Calls that answer a page of objects, and loops that collect the pages.

use stable_storage_api::{Entry, ListArgs, ListPage, ObjectInfo, ScanPage};

use crate::{Client, Result, Transport, call::Kind};

/// What is directly under a prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// The objects, in byte order of their keys.
    pub objects: Vec<ObjectInfo>,
    /// The common prefixes in byte order, each with the delimiter at its end.
    pub prefixes: Vec<String>,
}

impl<T: Transport> Client<T> {
    /// A page of the objects under a prefix, in byte order of their keys.
    pub async fn list(&self, args: &ListArgs) -> Result<ListPage> {
        self.check("list", || args.check())?;
        self.call(Kind::Query, "list", (args,)).await
    }

    /// A page of the objects under a prefix with their values.
    pub async fn scan(&self, args: &ListArgs) -> Result<ScanPage> {
        self.check("scan", || args.check_scan())?;
        self.call(Kind::Query, "scan", (args,)).await
    }

    /// All objects under a prefix, page after page.
    ///
    /// Each page is of the moment of its call: an object that is put or deleted meanwhile may be in the result or not,
    /// but none is there twice.
    pub async fn list_all(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        let mut args = ListArgs::prefix(prefix);
        let mut objects = Vec::new();
        loop {
            let page = self.list(&args).await?;
            objects.extend(page.objects);
            match page.next {
                Some(next) => args.start_after = Some(next),
                None => return Ok(objects),
            }
        }
    }

    /// All that is directly under a prefix where keys are parted by a delimiter, page after page: objects, and the common
    /// prefixes of those further down. With a slash, files and folders.
    pub async fn list_level(&self, prefix: &str, delimiter: &str) -> Result<Level> {
        let mut args = ListArgs::level(prefix, delimiter);
        let mut level = Level::default();
        loop {
            let page = self.list(&args).await?;
            level.objects.extend(page.objects);
            level.prefixes.extend(page.prefixes);
            match page.next {
                Some(next) => args.start_after = Some(next),
                None => return Ok(level),
            }
        }
    }

    /// All objects under a prefix with their values, page after page. They must fit this process's memory.
    pub async fn scan_all(&self, prefix: &str) -> Result<Vec<Entry>> {
        let mut args = ListArgs::prefix(prefix);
        let mut entries = Vec::new();
        loop {
            let page = self.scan(&args).await?;
            entries.extend(page.entries);
            match page.next {
                Some(next) => args.start_after = Some(next),
                None => return Ok(entries),
            }
        }
    }

    /// Removes all objects under a prefix, step after step, and tells how many there were.
    pub async fn delete_all(&self, prefix: &str) -> Result<u64> {
        let mut deleted = 0;
        loop {
            let step = self.delete_prefix(prefix, None).await?;
            deleted += step.deleted;
            if !step.more {
                return Ok(deleted);
            }
        }
    }
}
