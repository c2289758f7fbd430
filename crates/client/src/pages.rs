//! Calls that return a page of objects, and loops that collect all pages.

use stable_storage_api::{Entry, ListArgs, ListPage, ObjectInfo, ScanPage};

use crate::{Client, Result, Transport, call::method};

/// Objects and common prefixes directly under a prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// The objects, in byte order of their keys.
    pub objects: Vec<ObjectInfo>,
    /// The common prefixes in byte order, each ending with the delimiter.
    pub prefixes: Vec<String>,
}

impl<T: Transport> Client<T> {
    /// Returns a page of the objects under a prefix, in byte order of their keys.
    pub async fn list(&self, args: &ListArgs) -> Result<ListPage> {
        self.check("list", || args.check())?;
        self.call(method!("list"), (args,)).await
    }

    /// Returns a page of the objects under a prefix, with their values.
    pub async fn scan(&self, args: &ListArgs) -> Result<ScanPage> {
        self.check("scan", || args.check_scan())?;
        self.call(method!("scan"), (args,)).await
    }

    /// Returns all objects under a prefix, page by page.
    ///
    /// Each page reflects the moment of its call. An object that is put or deleted in between may be in the result or not, but
    /// never twice.
    pub async fn list_all(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        self.all_pages(prefix, false).await
    }

    /// Returns all objects under a prefix as [`list_all`](Self::list_all), by replicated calls: with every object whose update
    /// was answered before.
    pub async fn list_all_replicated(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        self.all_pages(prefix, true).await
    }

    async fn all_pages(&self, prefix: &str, is_replicated: bool) -> Result<Vec<ObjectInfo>> {
        let mut args = ListArgs::prefix(prefix);
        let mut objects = Vec::new();
        loop {
            let page = match is_replicated {
                true => self.call_replicated::<ListPage>(method!("list"), (&args,)).await?,
                false => self.list(&args).await?,
            };
            objects.extend(page.objects);
            match page.next {
                Some(next) => args.start_after = Some(next),
                None => return Ok(objects),
            }
        }
    }

    /// Returns the objects directly under a prefix and the common prefixes of the others, page by page. With a slash as the
    /// delimiter, these are files and folders.
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

    /// Returns all objects under a prefix with their values, page by page. They must fit the memory of this process.
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

    /// Removes all objects under a prefix, step by step, and returns their number.
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
