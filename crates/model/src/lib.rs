//! One model of a store and one generator of operations, for every test that holds something against a model.
//!
//! An [`Op`] is drawn by lot, in words that do not depend on what is there. The [`Model`] makes it [`Call`]s with the types of
//! the contract, and says exactly what each of them answers. Whatever is tested carries the calls out in its own way, and
//! hands the answers to [`Model::agree`]; from time to time it compares what it holds with [`Model::state`], the values, the
//! log and the bytes of regions.
//!
//! [`Pair`] does this with a store of the engine: for its model test and for fuzzing. The integration tests do it with a
//! canister, through the client.

mod call;
mod environment;
mod generator;
mod model;
mod op;
mod pair;
mod state;
mod words;

pub use call::{Answer, Call};
pub use environment::{from_environment, number};
pub use generator::{Load, list_of_bytes, lists, lists_in_a_crowd, lists_with_large_objects, ops};
pub use model::{Model, Value};
pub use op::{Cond, Op};
pub use pair::Pair;
pub use state::{State, Totals};
pub use words::{KEYS, key};
