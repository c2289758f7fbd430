//! The store.

use std::{fmt, ops::Range, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::{
    Attributes, CopyOptions, GetOptions, GetResult, ListResult, MultipartId, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
    list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore},
    multipart::{MultipartStore, PartId},
    path::Path,
};
use storage_client::{Client, Transport};

use crate::{list, multipart::Multipart, parts, read, write};

/// The objects of one storage canister, as an [`ObjectStore`]. Clones share the client.
///
/// A client with a [retry policy](Client::with_retry) repeats calls without a reply.
pub struct CanisterStore<T> {
    client: Arc<Client<T>>,
}

impl<T: Transport> CanisterStore<T> {
    /// Creates a store over a client.
    pub fn new(client: impl Into<Arc<Client<T>>>) -> Self {
        Self { client: client.into() }
    }

    /// Returns the client.
    #[must_use]
    pub fn client(&self) -> &Client<T> {
        &self.client
    }
}

impl<T> Clone for CanisterStore<T> {
    fn clone(&self) -> Self {
        Self { client: Arc::clone(&self.client) }
    }
}

impl<T> fmt::Debug for CanisterStore<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CanisterStore").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for CanisterStore<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CanisterStore")
    }
}

#[async_trait]
impl<T: Transport + 'static> ObjectStore for CanisterStore<T> {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        write::put(&self.client, location, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(Multipart::new(Arc::clone(&self.client), location, &opts.attributes)?))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        read::get(&self.client, location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        read::ranges(&self.client, location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        list::delete(Arc::clone(&self.client), locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        list::list(Arc::clone(&self.client), prefix, None)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let after = Some(offset.to_string()).filter(|offset| !offset.is_empty());
        list::list(Arc::clone(&self.client), prefix, after)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        list::level(&self.client, prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        write::copy(&self.client, from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        write::rename(&self.client, from, to, options).await
    }
}

#[async_trait]
impl<T: Transport + 'static> PaginatedListStore for CanisterStore<T> {
    async fn list_paginated(
        &self,
        prefix: Option<&str>,
        opts: PaginatedListOptions,
    ) -> Result<PaginatedListResult> {
        list::page(&self.client, prefix, opts).await
    }
}

#[async_trait]
impl<T: Transport + 'static> MultipartStore for CanisterStore<T> {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        parts::create(&self.client, path, &Attributes::new()).await
    }

    async fn create_multipart_opts(&self, path: &Path, opts: PutMultipartOptions) -> Result<MultipartId> {
        parts::create(&self.client, path, &opts.attributes).await
    }

    async fn put_part(
        &self,
        path: &Path,
        id: &MultipartId,
        part_idx: usize,
        data: PutPayload,
    ) -> Result<PartId> {
        parts::put(&self.client, path, id, part_idx, data).await
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> Result<PutResult> {
        parts::complete(&self.client, path, id, parts).await
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        parts::abort(&self.client, path, id).await
    }
}
