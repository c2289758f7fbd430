//! Random operations of every kind on tiny domains, so that they meet: for the model test and for holding one replica
//! against another.

mod model;
mod op;
mod run;

pub use model::Model;
pub use op::Op;
pub use run::{Outcome, assert_holds, run};
