//! What is answered, and that `ic-response-verification` accepts it and nothing else.

mod requests;
mod verified;
mod world;
