//! Web sites: prefixes whose objects are public over HTTP, with responses that a gateway verifies.
//!
//! Everything here is a function of its arguments: the store reads and writes.

mod digest;
mod expression;
mod page;
mod path;
mod response;
mod site;
