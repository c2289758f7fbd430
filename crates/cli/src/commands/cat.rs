//! The command `cat`, which prints objects one after the other.

use anyhow::Result;

use super::get;
use crate::{
    context::Context,
    failure::is_closed_pipe,
    failures::{Failures, ends_all},
    store::StoreClient,
};

pub(crate) async fn run(client: &StoreClient, context: &Context, keys: &[String]) -> Result<()> {
    let mut failures = Failures::default();
    for key in keys {
        match get::print(client, context, key).await {
            Ok(_) => {}
            // A single missing key has its own exit code.
            Err(error) if keys.len() == 1 || ends_all(&error) || is_closed_pipe(&error) => return Err(error),
            Err(error) => failures.add(format!("{key:?}"), &error),
        }
    }
    failures.finish("object", "objects")
}
