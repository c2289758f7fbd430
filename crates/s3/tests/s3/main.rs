//! The gateway over a canister on the embedded host, with requests that are signed as S3 clients sign them.

#![expect(clippy::unwrap_used, reason = "a helper of tests may fail the test")]

mod access;
mod buckets;
mod chunked;
mod conditions;
mod errors;
mod harness;
mod hosts;
mod listing;
mod memory;
mod multipart;
mod object_sums;
mod objects;
mod parts;
mod races;
mod signatures;
mod signing;
mod substitutes;
mod sums;
mod unsupported;
mod uploads;
