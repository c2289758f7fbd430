//! The command `put`, which stores files.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_bytes::ByteBuf;
use stable_storage_api::{Condition, ObjectInfo, limits::MAX_PAYLOAD_BYTES};

use super::objects::describe;
use crate::{
    args::PutArgs,
    content_type,
    context::Context,
    failure::{Interrupted, with_help},
    failures::{Failed, Failures, ends_all},
    input::{Input, is_stream},
    size::bytes_per_second,
    store::StoreClient,
    stream, text,
    transfer::{self, Compare, Job, Options, concurrently},
    tree::{Root, prefix_of},
    upload::{self, ObjectSpec, Stored},
    view::Object,
};

/// Result of storing several files, as JSON.
#[derive(Serialize)]
struct Report<'a> {
    stored: Vec<Object<'a>>,
    stored_bytes: u64,
    failed: &'a [Failed],
    seconds: f64,
    bytes_per_second: u64,
}

/// File and key.
pub(super) struct Item {
    pub(super) file: PathBuf,
    pub(super) key: String,
}

pub(crate) async fn run(client: &StoreClient, context: &Context, args: PutArgs) -> Result<()> {
    let (files, to) = match args.files.as_slice() {
        [files @ .., to] if !files.is_empty() => (files, Some(key_of_argument(to)?)),
        files => (files, None),
    };
    if let Some(key) = to {
        context.check_new_key(key)?;
    }
    if args.recursive {
        match files {
            [folder] if Path::new(folder).is_dir() => {
                return store_folder(client, context, &args, folder.as_ref(), to).await;
            }
            [_] => {}
            _ => {
                return Err(with_help(
                    format!("-r stores one folder, and there are {} sources", files.len()),
                    "run the command for each folder",
                ));
            }
        }
    }
    store_files(client, context, &args, files, to).await
}

/// Stores all files of a folder, without comparing.
async fn store_folder(
    client: &StoreClient,
    context: &Context,
    args: &PutArgs,
    folder: &Path,
    to: Option<&str>,
) -> Result<()> {
    let prefix = prefix_of(to.map_or_else(|| name_of(folder), Ok)?)?;
    let options = Options {
        compare: Compare::Nothing,
        if_absent: args.if_absent,
        content_type: args.content_type.clone(),
        ..Options::default()
    };
    let source = Root::Folder(folder.to_owned());
    let target = Root::Prefix { client, prefix, label: String::new() };
    transfer::run(context, &Job { source, target, options }).await
}

/// Stores files under a key or in a folder; by default, under their names.
pub(crate) async fn store_files(
    client: &StoreClient,
    context: &Context,
    args: &PutArgs,
    files: &[impl AsRef<Path>],
    to: Option<&str>,
) -> Result<()> {
    let items = items(files, to)?;
    if let [item] = items.as_slice() {
        return match store(client, context, args, item).await?.info {
            Some(info) => {
                context.output.print(&Object::new(&info), |view| describe(view, context.output.sizes))
            }
            None => Ok(()),
        };
    }
    let (mut stored, mut failures, start) = (Summary::default(), Failures::default(), Instant::now());
    let mut settled = BTreeSet::new();
    let work = store_all(client, context, args, &items, |(at, item, done)| {
        settled.insert(at);
        match done {
            Ok(one) => stored.add(at, one),
            Err(error) if ends_all(&error) => {
                failures.record(text::path(&item.file), &error);
                return Err(error);
            }
            Err(error) => failures.add(text::path(&item.file), &error),
        }
        Ok(())
    });
    let ended = tokio::select! {
        biased;
        done = work => done,
        // A stream handles Ctrl-C itself.
        () = context.interrupt.wait_for_it() => Err(Interrupted.into()),
    };
    if let Err(error) = &ended {
        let rest = items.iter().enumerate().filter(|(at, _)| !settled.contains(at));
        failures.not_tried(rest.map(|(_, item)| text::path(&item.file)).collect(), ("file", "files"), error);
    }
    let printed = stored.print(context, start.elapsed(), &failures);
    ended.and_then(|()| failures.finish("file", "files")).and(printed)
}

/// Stores small files concurrently, then the others one after the other. Passes the results with the numbers of the items.
async fn store_all(
    client: &StoreClient,
    context: &Context,
    args: &PutArgs,
    items: &[Item],
    mut add: impl FnMut((usize, &Item, Result<One>)) -> Result<()>,
) -> Result<()> {
    let (small, others): (Vec<_>, Vec<_>) = items.iter().enumerate().partition(|(_, item)| item.is_small());
    let small = small
        .into_iter()
        .map(|(at, item)| async move { (at, item, store(client, context, args, item).await) });
    concurrently(context.jobs(), small, &mut add).await?;
    for (at, item) in others {
        // A stream may have taken over handling Ctrl-C.
        if context.interrupt.is_pressed() {
            return Err(Interrupted.into());
        }
        add((at, item, store(client, context, args, item).await))?;
    }
    Ok(())
}

impl Item {
    /// Returns whether this is a regular file that is stored with one call.
    fn is_small(&self) -> bool {
        let is_small = |file: fs::Metadata| file.is_file() && file.len() <= MAX_PAYLOAD_BYTES;
        !is_stream(&self.file) && fs::metadata(&self.file).is_ok_and(is_small)
    }
}

/// File that was stored.
struct One {
    size: u64,
    /// Metadata of the object, if it is to be printed.
    info: Option<ObjectInfo>,
}

/// Files that were stored.
#[derive(Default)]
struct Summary {
    count: u64,
    bytes: u64,
    /// With the numbers of the files.
    infos: BTreeMap<usize, ObjectInfo>,
}

impl Summary {
    fn add(&mut self, at: usize, one: One) {
        self.count += 1;
        self.bytes += one.size;
        self.infos.extend(one.info.map(|info| (at, info)));
    }

    fn print(&self, context: &Context, elapsed: Duration, failures: &Failures) -> Result<()> {
        let mut printed = Ok(());
        if context.output.json {
            let report = Report {
                stored: self.infos.values().map(Object::new).collect(),
                stored_bytes: self.bytes,
                failed: failures.items(),
                seconds: elapsed.as_secs_f64(),
                bytes_per_second: bytes_per_second(self.bytes, elapsed),
            };
            printed = context.output.print(&report, |_| Vec::new());
        }
        let sizes = context.output.sizes;
        let rate = match self.count {
            0 => String::new(),
            _ => format!(" at {}", sizes.rate(self.bytes, elapsed)),
        };
        context.output.note(&format!(
            "stored {} ({}){rate}, {} failed",
            text::pluralize(self.count, "file", "files"),
            sizes.short(self.bytes),
            text::grouped(failures.count())
        ));
        printed
    }
}

/// Stores a file.
async fn store(client: &StoreClient, context: &Context, args: &PutArgs, item: &Item) -> Result<One> {
    let by_name = || content_type::guess(&item.file).or_else(|| content_type::guess(&item.key));
    let spec = ObjectSpec {
        key: item.key.clone(),
        content_type: content_type::choose(args.content_type.as_deref(), by_name),
        content_encoding: args.content_encoding.clone(),
        metadata: Some(args.metadata.clone()).filter(|pairs| !pairs.is_empty()),
        condition: condition(args),
    };
    let start = Instant::now();
    let stored = match stream::open(&item.file, context)? {
        Some(source) => upload::store_stream(client, context, source, spec).await,
        None => {
            let input = Input::open_regular(&item.file)?;
            upload::store(client, context, input, spec).await
        }
    };
    let Stored { key, size, revision } =
        stored.with_context(|| format!("cannot store {}", text::path(&item.file)))?;
    let shown = context.output.sizes.full(size);
    let rate = context.output.sizes.rate(size, start.elapsed());
    context.output.note(&format!("stored {shown} under {key:?} at {rate}, revision {revision}"));
    let info = match context.output.json {
        true => Some(client.stat_since(&key, revision).await?),
        false => None,
    };
    Ok(One { size, info })
}

fn condition(args: &PutArgs) -> Condition {
    match (args.if_revision, args.if_sha256) {
        _ if args.if_absent => Condition::Absent,
        (Some(revision), _) => Condition::Revision(revision),
        (None, Some(digest)) => Condition::Sha256(ByteBuf::from(digest)),
        (None, None) => Condition::Any,
    }
}

/// Pairs files with their keys: a file and an optional key, or files and a folder.
pub(super) fn items(files: &[impl AsRef<Path>], to: Option<&str>) -> Result<Vec<Item>> {
    let folder = match to {
        None => String::new(),
        Some(folder) if folder.ends_with('/') => prefix_of(folder)?,
        Some(key) => {
            let [file] = files else {
                return Err(with_help(
                    format!("several files cannot have one key: {key:?}"),
                    format!("for a folder, add a slash to the target: {}", text::argument(format!("{key}/"))),
                ));
            };
            return Ok(vec![Item { file: file.as_ref().to_owned(), key: key.to_owned() }]);
        }
    };
    check_distinct(files.iter().filter_map(|file| {
        let file = file.as_ref();
        Some((file.file_name()?.to_owned(), text::path(file)))
    }))?;
    let item = |file: &Path| Ok(Item { file: file.to_owned(), key: format!("{folder}{}", name_of(file)?) });
    files.iter().map(|file| item(file.as_ref())).collect()
}

/// Rejects different sources with the same name, of which a folder would get only one.
pub(super) fn check_distinct(sources: impl Iterator<Item = (OsString, String)>) -> Result<()> {
    let mut names = BTreeMap::new();
    for (name, source) in sources {
        if let Some(other) = names.insert(name, source.clone())
            && other != source
        {
            return Err(with_help(
                format!("{other} and {source} would have the same name in the target"),
                "copy them with two commands",
            ));
        }
    }
    Ok(())
}

fn key_of_argument(key: &OsStr) -> Result<&str> {
    key.to_str().with_context(|| format!("the key {} is not UTF-8", text::name(key)))
}

/// Returns the default key of a file: its name.
fn name_of(file: &Path) -> Result<&str> {
    if is_stream(file) {
        return Err(with_help("standard input needs a key", "give one: storage put - KEY"));
    }
    let name = file.file_name().with_context(|| format!("{} is not a file", text::path(file)))?;
    name.to_str().ok_or_else(|| {
        let what = format!("the file name {} is not UTF-8", text::name(name));
        with_help(what, "give a key: storage put FILE KEY")
    })
}
