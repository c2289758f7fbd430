//! The storage canister as a store of Apache's [`object_store`]: DataFusion, `parquet` and others read and write a folder or a
//! canister on a network like any bucket.
//!
//! ```no_run
//! # async fn example(client: storage_client::Client<impl storage_client::Transport + 'static>)
//! # -> object_store::Result<()> {
//! use object_store::{ObjectStore, ObjectStoreExt, path::Path};
//! use storage_object_store::CanisterStore;
//!
//! let store = CanisterStore::new(client);
//! store.put(&Path::from("reports/2026.csv"), "year,total\n".into()).await?;
//! let bytes = store.get(&Path::from("reports/2026.csv")).await?.bytes().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What maps to what
//!
//! | `object_store` | storage |
//! |---|---|
//! | a path | the key with the same text |
//! | `e_tag` | the revision in quotation marks |
//! | `version` | not set, because older versions of an object are not kept |
//! | `PutMode::Create`, `CopyMode::Create` | the condition `Absent` |
//! | `PutMode::Update` | the condition `Revision` |
//! | `put_multipart` | an upload; parts of any size and in any order |
//! | `MultipartStore` | objects under keys that start with `:multipart/`, which are not listed; the canister puts them together |
//! | content type and encoding | the fields with these names |
//! | cache control, disposition, language | pairs of the user metadata, see [`stable_storage_api::headers`] |
//! | user metadata | user metadata: at most 16 pairs and 2,048 bytes with the headers above |
//! | tags | ignored, as the trait asks |
//! | the storage class | `NotSupported` |
//!
//! A rename is one call, whatever the size. The canister makes a copy itself: one call up to 64 MiB, and steps of that size above.
//!
//! A client with a retry policy determines the outcome of a commit whose reply was lost. It recognises a multipart upload, which
//! has no digest, by a pair of the metadata with a random identifier of 32 characters ([`stable_storage_api::headers::UPLOAD`]),
//! which is no attribute. If the user's metadata leaves no space for it, a lost reply of the commit is an error that says that the
//! outcome is unknown.
//!
//! Keys that no [`Path`](object_store::path::Path) can express, for example `a//b` or `a/`, are not listed.

#![forbid(unsafe_code)]

mod attributes;
mod error;
mod list;
mod meta;
mod multipart;
mod parts;
mod read;
mod shared;
mod store;
mod write;

pub use store::CanisterStore;
