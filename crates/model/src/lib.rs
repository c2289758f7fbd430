//! Model of a store and generator of operations, for all tests that compare an implementation with a model.
//!
//! An [`Op`] is random and independent of the state. The [`Model`] translates it to [`Call`]s with the types of the contract,
//! and predicts the exact result of each. A test executes the calls in its own way and passes the results to
//! [`Model::agree`]. From time to time it compares what can be read with [`Model::state`], the values, the log and the
//! bytes of regions.
//!
//! [`Differential`] does this with a store of the engine, for its model test and for fuzzing. The integration tests do it
//! with a canister, through the client.

mod call;
mod differential;
mod domains;
mod environment;
mod generator;
mod model;
mod op;
mod state;

pub use call::{Answer, Call};
pub use differential::Differential;
pub use domains::{KEYS, key};
pub use environment::{from_environment, number};
pub use generator::{Load, list_of_bytes, lists, lists_in_a_crowd, lists_with_large_objects, ops};
pub use model::{Model, Value};
pub use op::{Cond, Op};
pub use state::{State, Totals};
