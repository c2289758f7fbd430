//! The command `find`, which lists objects by name, age and size.

use anyhow::Result;

use super::objects;
use crate::{
    args::FindArgs,
    context::Context,
    store::StoreClient,
    tree::{Selected, objects_in},
};

pub(crate) async fn run(client: &StoreClient, context: &Context, args: &FindArgs) -> Result<()> {
    let Selected { entries, .. } = objects_in(client, &args.selected).await?;
    let objects: Vec<_> = entries.iter().filter_map(|entry| entry.object().cloned()).collect();
    objects::list(&context.output.human(&args.selected.human), &objects, args.long)
}
