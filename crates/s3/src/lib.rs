//! An S3 gateway to the storage canister, on [`s3s`]: `rclone`, `aws`, boto3 and other S3 clients store and read its objects.
//!
//! A bucket is the first segment of a key: the object `2026/a.jpg` of the bucket `photos` is under the key
//! `photos/2026/a.jpg`. Requests are signed with the keys of a [credentials file](Credentials), which have a role.
//!
//! ```no_run
//! # fn example(client: storage_client::Client<impl storage_client::Transport + 'static>)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! use storage_s3::{Credentials, Domains, router};
//!
//! let credentials = Credentials::read("s3.toml".as_ref())?;
//! // `axum::serve` serves it, with the feature `tokio`.
//! let gateway: axum::Router = router(client, credentials, Domains::default());
//! # Ok(())
//! # }
//! ```
//!
//! | module | content |
//! |---|---|
//! | `service` | the router, and the operations of S3 by name |
//! | `guard`, `host`, `scheme`, `signed`, `query`, `range`, `substitutes`, `forms`, `incoming`, `elements`, `framing`, `idle`, `refusal` | what a request passes before `s3s` sees it: bounds, and checks of bodies |
//! | `credentials`, `access`, `allowed` | keys, roles, and what each operation needs and accepts |
//! | `buckets`, `listing` | buckets, and pages of objects |
//! | `read`, `write`, `copy`, `remove` | objects |
//! | `multipart`, `uploads`, `complete`, `staging`, `part_sums`, `object_sums`, `recorded` | multipart uploads, where their parts are kept, and what is kept of them |
//! | `body`, `kept_alive`, `sums` | request and response bodies, and the checksums of request bodies |
//! | `conditions`, `etag`, `headers`, `keys`, `region`, `xml`, `error`, `details` | parts of requests and responses |

#![forbid(unsafe_code)]

mod access;
mod allowed;
mod body;
mod buckets;
mod complete;
mod conditions;
mod copy;
mod credentials;
mod details;
mod elements;
mod error;
mod etag;
mod forms;
mod framing;
mod guard;
mod headers;
mod host;
mod idle;
mod incoming;
mod kept_alive;
mod keys;
mod listing;
mod multipart;
mod object_sums;
mod part;
mod part_sums;
mod query;
mod range;
mod read;
mod recorded;
mod refusal;
mod region;
mod remove;
mod scheme;
mod service;
mod signed;
mod staging;
mod store;
mod substitutes;
mod sums;
mod uploads;
mod write;
mod xml;

pub use credentials::{Credentials, CredentialsError};
pub use host::{DomainError, Domains};
pub use service::router;
