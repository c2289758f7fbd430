//! The command `du`, which shows how many bytes are in folders.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use crate::{
    args::DuArgs,
    context::Context,
    size::Sizes,
    store::StoreClient,
    text::pluralize,
    tree::{Entry, Selected, objects_in},
};

/// Folder with what is in it and below.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Usage {
    prefix: String,
    objects: u64,
    size: u64,
}

pub(crate) async fn run(client: &StoreClient, context: &Context, args: &DuArgs) -> Result<()> {
    let Selected { name, prefix, entries } = objects_in(client, &args.selected).await?;
    let depth = if args.summarize { 0 } else { args.depth };
    let usages = usages((&prefix, &name), &entries, depth);
    let output = context.output.human(&args.selected.human);
    output.print(&usages, |usages| lines(usages, output.sizes))
}

/// Sums up the folders down to a number of levels in byte order, and at last all of them, under the name.
fn usages((prefix, name): (&str, &str), entries: &[Entry], depth: usize) -> Vec<Usage> {
    let mut folders: BTreeMap<&str, Usage> = BTreeMap::new();
    let mut all = Usage { prefix: name.to_owned(), ..Usage::default() };
    for entry in entries {
        let ends = entry.name.match_indices('/').map(|(at, _)| at + 1);
        for folder in ends.take(depth).map(|end| &entry.name[..end]) {
            folders.entry(folder).or_default().add(entry);
        }
        all.add(entry);
    }
    let named =
        folders.into_iter().map(|(folder, usage)| Usage { prefix: format!("{prefix}{folder}"), ..usage });
    named.chain([all]).collect()
}

impl Usage {
    fn add(&mut self, entry: &Entry) {
        self.objects += 1;
        self.size += entry.size;
    }
}

fn lines(usages: &[Usage], sizes: Sizes) -> Vec<String> {
    let columns = |usage: &Usage| (sizes.short(usage.size), pluralize(usage.objects, "object", "objects"));
    let rows: Vec<_> = usages.iter().map(|usage| (columns(usage), usage.prefix.as_str())).collect();
    let (sizes, objects): (Vec<_>, Vec<_>) =
        rows.iter().map(|((size, objects), _)| (size.len(), objects.len())).unzip();
    let (size_width, objects_width) =
        (sizes.into_iter().max().unwrap_or(0), objects.into_iter().max().unwrap_or(0));
    let line = |((size, objects), prefix): &((String, String), &str)| {
        // The whole store has no prefix.
        let name = if prefix.is_empty() { "store:" } else { prefix };
        format!("{size:>size_width$}  {objects:>objects_width$}  {name}")
    };
    rows.iter().map(line).collect()
}
