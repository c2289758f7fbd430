//! The command `cp`, which copies files, objects and folders: on this machine, into, out of and between stores.

mod local;

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Error as AnyError, Result, bail};

use super::{get, put};
use crate::{
    args::{CompareArgs, CpArgs, FilterArgs, PutArgs},
    atomic_file::check_folder,
    context::Context,
    download::{is_folder, missing},
    failure::with_help,
    failures::{Failures, ends_all},
    input::is_stream,
    links::folder_of,
    location::{Location, StorePath, ends_with_slash},
    stores::Stores,
    text,
    transfer::{self, Compare, Copy, Job, Options, Plan, Report, is_same_store},
    tree::{Entry, Filter, Root, below, path_of, prefix_of},
};

pub(crate) async fn run(stores: &mut Stores, context: &Context, args: &CpArgs) -> Result<()> {
    let sources = args.sources.iter().map(|source| Location::parse(source)).collect::<Result<Vec<_>>>()?;
    let target = Location::parse(&args.target)?;
    check(args, &sources, &target)?;
    stores.open_all(sources.iter().chain([&target]), context).await?;
    let copy = Command { stores, context, args };
    if let ([source], true) = (sources.as_slice(), args.recursive)
        && copy.is_folder(source).await?
    {
        return copy.folder(source, &target).await;
    }
    if let Some(folder) = sources.iter().find(|source| is_certainly_folder(source)) {
        return Err(needs_recursive(&folder.shown()));
    }
    let is_local = sources.iter().all(|source| source.store().is_none());
    match &target {
        Location::Store(to) if is_local => copy.files(&sources, to).await,
        Location::Local(to) if is_local => copy.local(&sources, to, &target).await,
        _ => copy.objects(&sources, &target).await,
    }
}

/// Rejects copies that no other part of the command is for.
fn check(args: &CpArgs, sources: &[Location], target: &Location) -> Result<()> {
    if args.recursive && sources.len() > 1 {
        return Err(with_help(
            format!("-r copies one folder, and there are {} sources", sources.len()),
            "run the command for each folder",
        ));
    }
    if !args.recursive && (args.filter != FilterArgs::default() || args.compare != CompareArgs::default()) {
        return Err(with_help("options that select or compare are for folders", "copy a folder with -r"));
    }
    let (here, in_store): (Vec<_>, Vec<_>) = sources.iter().partition(|source| source.store().is_none());
    if !here.is_empty() && !in_store.is_empty() {
        return Err(with_help(
            "some of the sources are on this machine and some in a store",
            "copy them with two commands",
        ));
    }
    if sources.len() > 1 {
        put::check_distinct(
            sources.iter().filter_map(|source| Some((name_in_folder(source)?, source.shown()))),
        )?;
    }
    let is_stream = |location: &Location| *location == Location::Stream;
    if in_store.is_empty()
        && target.store().is_none()
        && (is_stream(target) || here.into_iter().any(is_stream))
    {
        return Err(with_help(
            "standard input is copied to a store, and standard output from one",
            "write a path in the store as store:KEY",
        ));
    }
    Ok(())
}

/// Copy between locations whose stores are open.
struct Command<'a> {
    stores: &'a Stores,
    context: &'a Context,
    args: &'a CpArgs,
}

impl Command<'_> {
    /// Returns whether a location is a folder. In a store, a name can be both an object and a folder; then it is a folder.
    async fn is_folder(&self, location: &Location) -> Result<bool> {
        Ok(match location {
            Location::Store(path) if !is_certainly_folder(location) => {
                is_folder(self.stores.client(&path.store), &path.key).await?
            }
            _ => is_certainly_folder(location),
        })
    }

    fn options(&self) -> Result<Options> {
        let CpArgs { recursive, if_absent, dry_run, ref filter, ref compare, .. } = *self.args;
        Ok(Options {
            filter: Filter::new(filter)?,
            compare: if recursive { Compare::new(compare) } else { Compare::Nothing },
            if_absent,
            dry_run,
            ..Options::default()
        })
    }

    async fn folder(&self, source: &Location, target: &Location) -> Result<()> {
        let job = Job {
            source: self.stores.root(source)?,
            target: self.stores.root(target)?,
            options: self.options()?,
        };
        transfer::run(self.context, &job).await
    }

    /// Stores files as `put` does.
    async fn files(&self, sources: &[Location], to: &StorePath) -> Result<()> {
        let files: Vec<PathBuf> = sources.iter().map(|source| source.argument().into()).collect();
        let key = Some(to.key.as_str()).filter(|key| !key.is_empty());
        let args = PutArgs { if_absent: self.args.if_absent, ..PutArgs::default() };
        if self.args.dry_run {
            let (mut plan, mut failures) = (Plan::default(), Failures::default());
            let job = self.job(Root::Folder(".".into()), &Location::Store(to.clone()))?;
            for item in put::items(&files, key)? {
                let entry = match is_stream(&item.file) {
                    // Its size is unknown.
                    true => Ok(Entry::of_stream(item.key)),
                    false => Entry::read_file(item.key, &item.file),
                };
                let copy = entry.and_then(|entry| Copy::new(entry, None, &job.target, &job.options));
                add(&mut plan, &mut failures, files.len() > 1, text::path(&item.file), copy)?;
            }
            return transfer::execute(self.context, &job, &plan, failures).await;
        }
        put::store_files(self.stores.client(&to.store), self.context, &args, &files, key).await
    }

    /// Copies files to files.
    async fn local(&self, sources: &[Location], to: &Path, target: &Location) -> Result<()> {
        let is_many = sources.len() > 1;
        check_target_of(is_many, target)?;
        let (mut plan, mut failures) = (Plan::default(), Failures::default());
        for source in sources {
            let copy = local::plan(source.argument().as_ref(), to);
            add(&mut plan, &mut failures, is_many, source.shown(), copy)?;
        }
        plan.keep_sources(&mut failures);
        let job = self.job(Root::Folder(PathBuf::new()), target)?;
        transfer::execute(self.context, &job, &plan, failures).await
    }

    /// Copies objects to files, or to keys of a store.
    async fn objects(&self, sources: &[Location], target: &Location) -> Result<()> {
        let paths: Vec<_> = sources.iter().filter_map(Location::path_in_store).collect();
        if let Location::Stream = target
            && !self.args.dry_run
        {
            let [path] = paths.as_slice() else {
                return check_target_of(true, target);
            };
            return get::run(self.stores.client(&path.store), self.context, &path.key, None).await;
        }
        if let (Location::Local(to), [path]) = (target, paths.as_slice())
            && !self.args.dry_run
            && !self.args.if_absent
        {
            let file = file_of(to, || name_of(&path.key))?;
            return get::run(self.stores.client(&path.store), self.context, &path.key, Some(&file)).await;
        }
        let is_many = paths.len() > 1;
        check_target_of(is_many, target)?;
        // All sources of a plan are in one store. There is one report of all plans.
        let groups = groups(&paths);
        let (mut report, mut failures, mut ended) = (Report::default(), Failures::default(), Ok(()));
        for (at, group) in groups.iter().enumerate() {
            let mut rest = &groups[at + 1..];
            ended = match self.plan_of(group, target, is_many, &mut failures).await {
                Ok((job, plan)) => {
                    let (one, done) = transfer::achieve(self.context, &job, &plan, &mut failures).await;
                    report.add(one);
                    done
                }
                Err(error) if at == 0 => return Err(error),
                // What was copied from other stores is reported.
                Err(error) => {
                    rest = &groups[at..];
                    Err(error)
                }
            };
            if let Err(error) = &ended {
                let rest = rest.iter().flatten().map(|path| shown(path)).collect();
                failures.not_tried(rest, ("object", "objects"), error);
                break;
            }
        }
        let job = self.job_of(paths[0], target)?;
        transfer::conclude(self.context, &job, &report, &failures, ended)
    }

    /// Returns the job of objects that are in the store of a path.
    fn job_of(&self, path: &StorePath, target: &Location) -> Result<Job<'_>> {
        let all = StorePath { store: path.store.clone(), key: String::new() };
        self.job(self.stores.root(&Location::Store(all))?, target)
    }

    /// Plans the copies of objects of one store.
    async fn plan_of(
        &self,
        paths: &[&StorePath],
        target: &Location,
        is_many: bool,
        failures: &mut Failures,
    ) -> Result<(Job<'_>, Plan)> {
        let mut plan = Plan::default();
        let client = self.stores.client(&paths[0].store);
        let job = self.job_of(paths[0], target)?;
        for path in paths {
            let copy = match client.stat_confirmed(&path.key).await {
                Ok(info) => self.copy_of(&job, path, info, target),
                Err(error) => Err(missing(client, error, &path.key, "copy the folder with -r").await),
            };
            add(&mut plan, failures, is_many, shown(path), copy)?;
        }
        Ok((job, plan))
    }

    fn copy_of(
        &self,
        job: &Job<'_>,
        path: &StorePath,
        info: stable_storage_api::ObjectInfo,
        target: &Location,
    ) -> Result<Copy> {
        match target {
            Location::Store(to) => {
                let key = if to.is_certainly_folder() {
                    format!("{}{}", prefix_of(&to.key)?, last_name(&path.key))
                } else {
                    to.key.clone()
                };
                if key == path.key
                    && is_same_store(self.stores.client(&path.store), self.stores.client(&to.store))
                {
                    let written = StorePath { store: to.store.clone(), key };
                    bail!("{path} and {written} are the same object");
                }
                Copy::new(Entry::of_object(&key, info), None, &job.target, &job.options)
            }
            Location::Local(to) => {
                let file = file_of(to, || name_of(&path.key))?;
                Ok(Copy::Fetch { info: Box::new(info), file })
            }
            Location::Stream => Ok(Copy::Fetch { info: Box::new(info), file: "-".into() }),
        }
    }

    /// Returns the job of a copy whose plan has names that are complete keys, or paths.
    fn job<'a>(&'a self, source: Root<'a>, target: &Location) -> Result<Job<'a>> {
        let target = match target {
            Location::Store(to) => {
                self.stores.root(&Location::Store(StorePath { key: String::new(), ..to.clone() }))?
            }
            _ => Root::Folder(PathBuf::new()),
        };
        Ok(Job { source, target, options: self.options()? })
    }
}

/// Adds a copy to a plan, or to the failures, unless it is the only one or its error concerns the others as well.
fn add(
    plan: &mut Plan,
    failures: &mut Failures,
    is_many: bool,
    item: String,
    copy: Result<Copy>,
) -> Result<()> {
    let copy = copy.and_then(|copy| match copy.file() {
        // Another copy may lead to the same file.
        Some(link) if is_many && link.is_symlink() => {
            bail!("cannot write through the link {} in a copy of several files", text::path(link))
        }
        _ => Ok(copy),
    });
    match copy {
        Ok(copy) => plan.copies.push(copy),
        Err(error) if !is_many || ends_all(&error) => return Err(error),
        Err(error) => failures.add(item, &error),
    }
    Ok(())
}

/// Rejects a target that is not a folder for several sources.
fn check_target_of(is_many: bool, target: &Location) -> Result<()> {
    let (is_folder, shown) = match target {
        Location::Local(path) => (path.is_dir(), "an existing folder"),
        Location::Stream => (false, "an existing folder"),
        Location::Store(to) => (to.is_certainly_folder(), "a folder, with a slash at its end"),
    };
    if is_many && !is_folder {
        bail!("the target of several copies must be {shown}: {}", target.shown());
    }
    Ok(())
}

/// Returns whether a location is a folder, as far as that is known without a call.
fn is_certainly_folder(location: &Location) -> bool {
    match location {
        Location::Stream => false,
        Location::Local(path) => path.is_dir(),
        Location::Store(path) => path.is_certainly_folder(),
    }
}

/// Returns the file that a source is copied to: if the target is a folder, one with the name of the source.
fn file_of(target: &Path, name: impl FnOnce() -> Result<PathBuf>) -> Result<PathBuf> {
    let file = match ends_with_slash(target) || target.is_dir() {
        true => below(target, &name()?)?,
        false => target.to_owned(),
    };
    check_folder(folder_of(&file))?;
    Ok(file)
}

/// Returns the name of the file of an object in a folder.
fn name_of(key: &str) -> Result<PathBuf> {
    path_of(last_name(key)).with_context(|| format!("cannot copy {key:?}"))
}

/// Returns the name that a copy of a source has in a folder.
fn name_in_folder(source: &Location) -> Option<OsString> {
    match source {
        Location::Stream => None,
        Location::Local(path) => path.file_name().map(OsStr::to_owned),
        Location::Store(path) => Some(last_name(&path.key).into()),
    }
}

/// Returns the paths by their stores, in the order in which the stores occur first.
fn groups<'a>(paths: &[&'a StorePath]) -> Vec<Vec<&'a StorePath>> {
    let mut groups = Vec::<Vec<&StorePath>>::new();
    for path in paths {
        match groups.iter_mut().find(|group| group[0].store == path.store) {
            Some(group) => group.push(path),
            None => groups.push(vec![path]),
        }
    }
    groups
}

/// Returns the quoted key of an object, with the name of another store.
fn shown(path: &StorePath) -> String {
    format!("{:?}", format!("{}{}", path.store.label(), path.key))
}

/// Returns the part of a key after its last slash.
fn last_name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

fn needs_recursive(folder: &str) -> AnyError {
    with_help(format!("{folder} is a folder"), "copy a folder with -r")
}
