//! The router, and the operations of S3 by name. What is not here is answered with `NotImplemented`.

use std::{future::Future, sync::Arc};

use axum::{Router, extract::Request};
use s3s::{S3, S3Request, S3Response, S3Result, dto::*, s3_error, service::S3ServiceBuilder};
use storage_client::{Client, Transport};

use crate::{
    access::Access,
    buckets, complete, copy,
    credentials::Credentials,
    guard::{self, Guard},
    host::Domains,
    kept_alive, listing, multipart, read, remove,
    store::Store,
    substitutes::Route,
    uploads, write, xml,
};

/// Returns the routes of a gateway to a store, for requests to these domains that are signed with these credentials. All calls
/// are made by the client, as its caller, whatever the key of a request.
pub fn router<T: Transport + 'static>(
    client: impl Into<Arc<Client<T>>>,
    credentials: Credentials,
    domains: Domains,
) -> Router {
    let store = Store::new(client.into());
    let builder = |store| {
        let mut builder = S3ServiceBuilder::new(Gateway { store });
        builder.set_config(guard::config());
        builder.set_host(domains.clone());
        builder
    };
    let allowed = builder(store.clone()).build();
    let mut builder = builder(store);
    builder.set_auth(credentials.clone());
    builder.set_access(Access(credentials));
    builder.set_route(Route { allowed });
    let guard = Guard { service: builder.build(), domains };
    Router::new().fallback(move |request: Request| guard.clone().respond(request))
}

struct Gateway<T> {
    store: Store<T>,
}

/// Runs an operation that writes to its end, also if the client disconnects. Then its body ends with an error, and what has
/// been sent is removed. A dropped operation would leave it.
async fn to_its_end<R: Send + 'static>(
    operation: impl Future<Output = S3Result<R>> + Send + 'static,
) -> S3Result<S3Response<R>> {
    let ended = tokio::spawn(operation).await;
    ended.map_err(|error| s3_error!(InternalError, "the operation has failed: {error}"))?.map(S3Response::new)
}

#[async_trait::async_trait]
impl<T: Transport + 'static> S3 for Gateway<T> {
    async fn list_buckets(
        &self,
        request: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        buckets::list(&self.store, request.input).await.map(S3Response::new)
    }

    async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        buckets::create(&self.store, request.input).await.map(S3Response::new)
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.store.require_bucket(&request.input.bucket).await?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn delete_bucket(
        &self,
        request: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        buckets::delete(&self.store, &request.input.bucket).await?;
        Ok(S3Response::new(DeleteBucketOutput::default()))
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        buckets::location(&self.store, &request.input.bucket).await.map(S3Response::new)
    }

    async fn get_bucket_versioning(
        &self,
        request: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        self.store.require_bucket(&request.input.bucket).await?;
        Ok(S3Response::new(GetBucketVersioningOutput::default()))
    }

    async fn list_objects(
        &self,
        request: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        listing::list(&self.store, request.input).await.map(xml::with_keys)
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        listing::list_v2(&self.store, request.input).await.map(xml::with_keys)
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        read::get(&self.store, request).await
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        read::head(&self.store, request).await
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let store = self.store.clone();
        to_its_end(async move { write::put(&store, request).await }).await
    }

    async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let store = self.store.clone();
        to_its_end(async move { copy::copy(&store, request).await }).await
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        remove::object(&self.store, request.input).await.map(S3Response::new)
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        remove::objects(&self.store, request.input).await.map(xml::with_keys)
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        multipart::create(&self.store, request).await.map(xml::with_keys)
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let store = self.store.clone();
        to_its_end(async move { multipart::put_part(&store, request).await }).await
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let store = self.store.clone();
        to_its_end(async move { multipart::copy_part(&store, request).await }).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let store = self.store.clone();
        let completed = to_its_end(async move { complete::complete(&store, request).await }).await?;
        Ok(kept_alive::response(completed.output))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = request.input;
        multipart::abort(&self.store, &input.bucket, &input.key, &input.upload_id).await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        multipart::list_parts(&self.store, request.input).await.map(xml::with_keys)
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        uploads::list(&self.store, request.input).await.map(xml::with_keys)
    }
}
