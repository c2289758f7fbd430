//! The command `rm`, which removes objects.

use anyhow::Result;
use serde::Serialize;
use storage_client::ClientError;

use crate::{
    args::RmArgs,
    context::Context,
    download::{found, is_folder},
    failure::{NotFound, with_help},
    failures::{Failed, Failures, ends_all},
    output::Output,
    store::StoreClient,
    text::pluralize,
};

/// Objects that were removed or would be, as JSON. The keys of objects in removed folders are unknown.
#[derive(Serialize)]
struct Report<'a> {
    dry_run: bool,
    removed_objects: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<&'a [String]>,
    failed: &'a [Failed],
}

/// Objects that are removed together.
enum Target<'a> {
    /// The object with this key.
    Object(&'a str),
    /// A folder: the object with this key, and those whose keys continue with a slash.
    Folder(&'a str),
    /// All objects whose keys start with this.
    Prefix(&'a str),
}

pub(crate) async fn run(client: &StoreClient, context: &Context, args: &RmArgs) -> Result<()> {
    let targets = args.keys.iter().map(|key| Target::new(args, key)).collect::<Result<Vec<_>>>()?;
    let (mut would_remove, mut removed, mut failures) = (Vec::new(), 0, Failures::default());
    let mut ended = Ok(());
    for (at, (target, key)) in targets.iter().zip(&args.keys).enumerate() {
        let done = match args.dry_run {
            true => target.keys(client).await.map(|keys| would_remove.extend(keys)),
            false => target.remove(client, &context.output).await.map(|objects| removed += objects),
        };
        match done {
            Ok(()) => {}
            // A single missing key has its own exit code.
            Err(error) if targets.len() == 1 => return Err(error),
            Err(error) if ends_all(&error) => {
                failures.record(format!("{key:?}"), &error);
                let rest = args.keys[at + 1..].iter().map(|key| format!("{key:?}")).collect();
                failures.not_tried(rest, ("key", "keys"), &error);
                ended = Err(error);
                break;
            }
            Err(error) => failures.add(format!("{key:?}"), &error),
        }
    }
    if args.dry_run {
        removed = would_remove.len() as u64;
    }
    let report = Report {
        dry_run: args.dry_run,
        removed_objects: removed,
        removed: args.dry_run.then_some(&would_remove),
        failed: failures.items(),
    };
    let mut printed = Ok(());
    if args.dry_run || context.output.json {
        let lines = |_: &_| would_remove.iter().map(|key| format!("remove   {key}")).collect();
        printed = context.output.print(&report, lines);
    }
    ended.and_then(|()| failures.finish("key", "keys")).and(printed)
}

impl<'a> Target<'a> {
    fn new(args: &RmArgs, key: &'a str) -> Result<Self> {
        let is_many = args.recursive || args.prefix;
        // A shell variable that is unset by mistake must not remove everything.
        if is_many && key.trim_matches('/').is_empty() {
            return Err(with_help(
                format!("{key:?} would remove every object"),
                "name each folder to remove, or create a new store",
            ));
        }
        Ok(match (args.prefix, args.recursive) {
            (true, _) => Self::Prefix(key),
            (false, true) => Self::Folder(key),
            (false, false) => Self::Object(key),
        })
    }

    /// Removes the objects, at least one, and returns their number.
    async fn remove(&self, client: &StoreClient, output: &Output) -> Result<u64> {
        let removed = match self {
            Self::Object(key) => u64::from(client.delete(key).await?),
            Self::Prefix(prefix) => client.delete_all(prefix).await?,
            Self::Folder(key) => {
                let itself = !key.ends_with('/') && client.delete(key).await?;
                client.delete_all(&folder(key)).await? + u64::from(itself)
            }
        };
        self.check(client, removed > 0).await?;
        output.note(&match self {
            Self::Object(key) => format!("removed {key:?}"),
            Self::Folder(key) | Self::Prefix(key) => {
                format!("removed {} under {key:?}", pluralize(removed, "object", "objects"))
            }
        });
        Ok(removed)
    }

    /// Returns the keys of the objects, at least one.
    async fn keys(&self, client: &StoreClient) -> Result<Vec<String>> {
        let (itself, within) = match self {
            Self::Object(key) => (Some(*key), None),
            Self::Folder(key) => (Some(*key).filter(|key| !key.ends_with('/')), Some(folder(key))),
            Self::Prefix(prefix) => (None, Some((*prefix).to_owned())),
        };
        let mut keys = Vec::new();
        if let Some(key) = itself
            && is_there(client, key).await?
        {
            keys.push(key.to_owned());
        }
        if let Some(prefix) = within {
            keys.extend(client.list_all(&prefix).await?.into_iter().map(|info| info.key));
        }
        self.check(client, !keys.is_empty()).await?;
        Ok(keys)
    }

    async fn check(&self, client: &StoreClient, is_there: bool) -> Result<()> {
        match self {
            _ if is_there => Ok(()),
            Self::Object(key) if is_folder(client, key).await? => {
                Err(NotFound::but_folder(key, "remove the folder with -r").into())
            }
            Self::Object(key) => Err(NotFound::object(key).into()),
            Self::Folder(key) | Self::Prefix(key) => Err(NotFound::under(key).into()),
        }
    }
}

/// Returns the prefix of the keys in a folder.
fn folder(key: &str) -> String {
    if key.ends_with('/') { key.to_owned() } else { format!("{key}/") }
}

async fn is_there(client: &StoreClient, key: &str) -> Result<bool, ClientError> {
    Ok(found(client.stat(key).await)?.is_some())
}
