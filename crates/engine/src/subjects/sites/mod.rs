//! Web sites: prefixes whose objects are public over HTTP, with responses that a gateway verifies.
//!
//! Everything here is a function of its arguments: the store reads and writes. [`mod@answer`] shows the way of a request.

mod answer;
mod certificate;
mod conditional;
mod digest;
mod expression;
mod facts;
mod headers;
mod page;
mod path;
mod range;
mod request;
mod resource;
mod response;
mod site;

pub(crate) use answer::{Answer, Body, Call, Proof, Reply, answer, find, refusal};
pub(crate) use certificate::{CERTIFICATE_HEADER, header as certificate_header};
pub(crate) use path::{HTTP_EXPR, exact_labels, wildcard_labels};
pub(crate) use request::Request;
pub(crate) use resource::{Object, Objects, Resource, ServedSite, dependents};
pub(crate) use site::{Record, check_addition};
