//! The commands `ls`, `stat` and `mv`.

use anyhow::Result;
use serde::Serialize;
use stable_storage_api::{MetadataPair, ObjectInfo};
use storage_client::{Level, VerifiedError};

use crate::{
    args::LsArgs, context::Context, download::missing, failure::help_for_location, output::Output, proof,
    size::Sizes, store::StoreClient, tree::prefix_of, view::Object,
};

pub(crate) fn describe(view: &Object<'_>, sizes: Sizes) -> Vec<String> {
    let sha256 = match (&view.sha256, view.sha256_state) {
        (Some(digest), Some("mismatch")) => format!("{digest} (declared; the computed one differs)"),
        (Some(digest), Some(state)) => format!("{digest} ({state})"),
        _ => "-".to_owned(),
    };
    let mut lines = vec![
        format!("key           {}", view.key),
        format!("size          {}", sizes.full(view.size)),
        format!("revision      {}", view.revision),
        format!("content type  {}", view.content_type.unwrap_or("-")),
        format!("encoding      {}", view.content_encoding.unwrap_or("-")),
        format!("owner         {}", view.owner.as_deref().unwrap_or("-")),
        format!("created       {}", view.created),
        format!("modified      {}", view.modified),
        format!("sha256        {sha256}"),
    ];
    lines.extend(
        view.metadata.iter().map(|MetadataPair { name, value }| format!("metadata      {name}={value}")),
    );
    lines
}

/// Line of a listing.
#[derive(Serialize)]
#[serde(untagged)]
enum Listed<'a> {
    Object(Object<'a>),
    /// Prefix of the keys in a folder, with its slash.
    Folder {
        prefix: &'a str,
    },
}

impl<'a> Listed<'a> {
    fn name(&self) -> &'a str {
        match self {
            Self::Object(view) => view.key,
            Self::Folder { prefix } => prefix,
        }
    }

    /// Returns the columns before the name: size, time, state of the digest, and type.
    fn columns(&self, sizes: Sizes) -> [String; 4] {
        let or_none = |text: Option<&str>| text.unwrap_or("-").to_owned();
        match self {
            Self::Object(view) => [
                sizes.short(view.size),
                view.modified.clone(),
                or_none(view.sha256_state),
                or_none(view.content_type),
            ],
            Self::Folder { .. } => std::array::from_fn(|_| or_none(None)),
        }
    }
}

pub(crate) async fn ls(client: &StoreClient, context: &Context, args: &LsArgs) -> Result<()> {
    let verifier = proof::verifier_if(args.verify, client, context.output.notes()).await?;
    let verifier = verifier.as_ref();
    let output = context.output.human(&args.human);
    let level = match args.recursive {
        true => {
            Level { objects: proof::list_all(client, verifier, &args.prefix).await?, prefixes: Vec::new() }
        }
        false => proof::list_level(client, verifier, &args.prefix).await?,
    };
    let objects = level.objects.iter().map(|info| Listed::Object(Object::new(info)));
    let folders = level.prefixes.iter().map(|prefix| Listed::Folder { prefix });
    let mut listed: Vec<_> = objects.chain(folders).collect();
    listed.sort_by_key(Listed::name);
    if args.reverse {
        listed.reverse();
    }
    if listed.is_empty()
        && let Some(path) = context.location(&args.prefix)
    {
        output.note(&format!("no key starts with {:?}; {}", args.prefix, help_for_location(&path)));
    }
    print(&output, &listed, args.long)
}

/// Prints objects as `ls` does.
pub(super) fn list(output: &Output, objects: &[ObjectInfo], long: bool) -> Result<()> {
    let listed: Vec<_> = objects.iter().map(|info| Listed::Object(Object::new(info))).collect();
    print(output, &listed, long)
}

fn print(output: &Output, listed: &Vec<Listed<'_>>, long: bool) -> Result<()> {
    output.print(listed, |listed| match long {
        true => table(listed, output.sizes),
        false => listed.iter().map(|line| line.name().to_owned()).collect(),
    })
}

/// Returns a line for each object or folder, in columns.
fn table(listed: &[Listed<'_>], sizes: Sizes) -> Vec<String> {
    let rows: Vec<_> = listed.iter().map(|line| (line.columns(sizes), line.name())).collect();
    let width_of = |column: usize| {
        let widths = rows.iter().map(|(columns, _)| columns[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let (size_width, time_width, type_width) = (width_of(0), width_of(1), width_of(3));
    let line = |([size, time, state, kind], name): &([String; 4], &str)| {
        format!("{size:>size_width$}  {time:time_width$}  {state:8}  {kind:type_width$}  {name}")
    };
    rows.iter().map(line).collect()
}

pub(crate) async fn stat(client: &StoreClient, output: &Output, key: &str, verify: bool) -> Result<()> {
    let verifier = proof::verifier_if(verify, client, output.notes()).await?;
    let info = match proof::stat(client, verifier.as_ref(), key).await {
        Ok(info) => info,
        Err(VerifiedError::Client(error)) => {
            return Err(missing(client, error, key, "show what is in it with storage ls or storage du").await);
        }
        Err(error) => return Err(proof::explain(error)),
    };
    output.print(&Object::new(&info), |view| describe(view, output.sizes))
}

pub(crate) async fn mv(client: &StoreClient, output: &Output, from: &str, to: &str) -> Result<()> {
    // In a folder, an object keeps its own name.
    let to = match to.ends_with('/') {
        true => {
            let name = from.rsplit('/').find(|name| !name.is_empty()).unwrap_or(from);
            format!("{}{name}", prefix_of(to)?)
        }
        false => to.to_owned(),
    };
    let revision = match client.rename(from, &to).await {
        Ok(written) => written.revision,
        Err(error) => {
            return Err(missing(
                client,
                error,
                from,
                "copy the folder with cp -r, then remove it with rm -r",
            )
            .await);
        }
    };
    let text = format!("moved {from:?} to {to:?}, revision {revision}");
    tell_change(client, output, &to, revision, &text).await
}

/// Reports that an object was changed. Its metadata is read only if it is to be printed.
pub(super) async fn tell_change(
    client: &StoreClient,
    output: &Output,
    key: &str,
    revision: u64,
    text: &str,
) -> Result<()> {
    if !output.json {
        output.note(text);
        return Ok(());
    }
    let info = client.stat_since(key, revision).await?;
    output.done(&Object::new(&info), text)
}
