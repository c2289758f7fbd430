//! The command `diff`, which compares two folders or files, on this machine or in stores.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde::Serialize;

use crate::{
    args::DiffArgs,
    context::Context,
    download::{explain, is_folder},
    failure::{Differ, with_help},
    failures::{Failed, Failures, ends_all},
    location::{Location, StorePath},
    size::Sizes,
    stores::Stores,
    text::{self, grouped},
    transfer::{Compare, Digests},
    tree::{Entry, Filter, Reading, Root},
};

/// Side of a comparison.
struct Side<'a> {
    root: Root<'a>,
    entries: BTreeMap<String, Entry>,
    is_folder: bool,
}

/// What was found under one name.
enum Finding {
    OnlyFirst,
    OnlySecond,
    Sizes(u64, u64),
    Digests,
    /// The sizes are equal, and a SHA-256 is unknown.
    Unknown,
}

/// Result, as JSON.
#[derive(Serialize)]
struct Report<'a> {
    only_first: Vec<&'a str>,
    only_second: Vec<&'a str>,
    different: Vec<Different<'a>>,
    unknown: Vec<&'a str>,
    equal: u64,
    failed: &'a [Failed],
}

/// Name on both sides with different content.
#[derive(Serialize)]
struct Different<'a> {
    name: &'a str,
    /// `size` or `sha256`.
    by: &'static str,
}

pub(crate) async fn run(stores: &mut Stores, context: &Context, args: &DiffArgs) -> Result<()> {
    let locations = [Location::parse(&args.first)?, Location::parse(&args.second)?];
    stores.open_all(&locations, context).await?;
    let output = &context.output.human(&args.human);
    let (filter, mut failures) = (Filter::new(&args.filter)?, Failures::default());
    let reading = Reading { filter: &filter, stores: &context.stores, kept: None, verifier: None };
    let [first, second] = &locations;
    let first = Side::read(stores, context, first, &reading, &mut failures).await?;
    let second = Side::read(stores, context, second, &reading, &mut failures).await?;
    if first.is_folder != second.is_folder {
        let [folder, file] =
            if first.is_folder { &locations } else { &[locations[1].clone(), locations[0].clone()] };
        return Err(with_help(
            format!("{} is a folder, and {} is not", folder.shown(), file.shown()),
            "compare two folders, or two files",
        ));
    }
    let compare = Compare::new(&args.compare);
    let (findings, equal) = compare_all(context, compare, &first, &second, &mut failures).await?;
    let report = Report::new(&findings, equal, failures.items());
    let printed = output.print(&report, |_| lines(&findings, output.sizes));
    output.note(&report.summary());
    failures.finish("item", "items")?;
    if report.is_different() { Err(Differ.into()) } else { printed }
}

impl<'a> Side<'a> {
    /// Reads a folder; or a file or object, whose name is that of the location.
    async fn read(
        stores: &'a Stores,
        context: &Context,
        location: &Location,
        reading: &Reading<'_>,
        failures: &mut Failures,
    ) -> Result<Self> {
        let single = match location {
            Location::Stream => bail!("standard input cannot be compared"),
            Location::Local(path) if path.is_dir() => None,
            Location::Local(path) => {
                let entry = Entry::read_file(String::new(), path)?;
                // It has no size, and reading it may not end.
                if !path.is_file() {
                    let what =
                        format!("{} is a device or a pipe, which cannot be compared", text::path(path));
                    return Err(with_help(what, "copy it to a file first"));
                }
                Some((Root::Folder(path.clone()), entry))
            }
            Location::Store(path) => object_at(stores, path).await?,
        };
        if let Some((root, entry)) = single {
            let entries = BTreeMap::from([(String::new(), entry)]);
            return Ok(Self { root, entries, is_folder: false });
        }
        let root = stores.root(location)?;
        let tree = root.read(reading, failures).await?;
        tree.skipped.iter().for_each(|skipped| context.output.note(&format!("skipped {skipped}")));
        let entries = tree.entries.into_iter().map(|entry| (entry.name.clone(), entry)).collect();
        Ok(Self { root, entries, is_folder: true })
    }
}

/// Returns an object, or `None` if the path is a folder.
async fn object_at<'a>(stores: &'a Stores, path: &StorePath) -> Result<Option<(Root<'a>, Entry)>> {
    let client = stores.client(&path.store);
    if path.is_certainly_folder() || is_folder(client, &path.key).await? {
        return Ok(None);
    }
    let info = client.stat_confirmed(&path.key).await.map_err(|error| explain(error, &path.key))?;
    let root = stores.root(&Location::Store(StorePath { key: String::new(), ..path.clone() }))?;
    Ok(Some((root, Entry::of_object("", info))))
}

/// Compares all names, in byte order. Returns what is not equal, and the number of equal ones.
async fn compare_all<'a>(
    context: &Context,
    compare: Compare,
    first: &'a Side<'_>,
    second: &'a Side<'_>,
    failures: &mut Failures,
) -> Result<(Vec<(&'a str, Finding)>, u64)> {
    let mut digests = Digests::new(context, hashed_bytes(compare, first, second));
    let (mut findings, mut equal) = (Vec::new(), 0);
    for (name, entry) in &first.entries {
        let finding = match second.entries.get(name) {
            None => Ok(Some(Finding::OnlyFirst)),
            Some(other) => {
                compare_one(compare, &mut digests, (&first.root, entry), (&second.root, other)).await
            }
        };
        match finding {
            Ok(None) => equal += 1,
            Ok(Some(finding)) => findings.push((name.as_str(), finding)),
            Err(error) if ends_all(&error) => return Err(error),
            Err(error) => failures.add(entry.shown(), &error),
        }
    }
    let others = second.entries.keys().filter(|name| !first.entries.contains_key(*name));
    findings.extend(others.map(|name| (name.as_str(), Finding::OnlySecond)));
    findings.sort_by_key(|(name, _)| *name);
    Ok((findings, equal))
}

/// Returns the number of bytes of this machine to hash.
fn hashed_bytes(compare: Compare, first: &Side<'_>, second: &Side<'_>) -> u64 {
    if compare == Compare::Sizes {
        return 0;
    }
    let of_files = |entry: &Entry| if entry.object().is_none() { entry.size } else { 0 };
    let pairs = first.entries.iter().filter_map(|(name, entry)| Some((entry, second.entries.get(name)?)));
    let pairs = pairs.filter(|(entry, other)| entry.size == other.size);
    pairs.map(|(entry, other)| of_files(entry) + of_files(other)).sum()
}

async fn compare_one(
    compare: Compare,
    digests: &mut Digests,
    (root, entry): (&Root<'_>, &Entry),
    (other_root, other): (&Root<'_>, &Entry),
) -> Result<Option<Finding>> {
    if entry.size != other.size {
        return Ok(Some(Finding::Sizes(entry.size, other.size)));
    }
    let is_unknown = |entry: &Entry| entry.object().is_some_and(|info| info.sha256.is_none());
    if compare == Compare::Sizes {
        return Ok(None);
    }
    if compare != Compare::Content && (is_unknown(entry) || is_unknown(other)) {
        return Ok(Some(Finding::Unknown));
    }
    let (one, two) = (digests.of(root, entry).await?, digests.of(other_root, other).await?);
    // An object that does not have its declared digest equals nothing.
    Ok((one.is_none() || one != two).then_some(Finding::Digests))
}

impl<'a> Report<'a> {
    fn new(findings: &[(&'a str, Finding)], equal: u64, failed: &'a [Failed]) -> Self {
        let (only_first, only_second, different, unknown) = Default::default();
        let mut report = Self { only_first, only_second, different, unknown, equal, failed };
        for (name, finding) in findings {
            match finding {
                Finding::OnlyFirst => report.only_first.push(name),
                Finding::OnlySecond => report.only_second.push(name),
                Finding::Sizes(..) => report.different.push(Different { name, by: "size" }),
                Finding::Digests => report.different.push(Different { name, by: "sha256" }),
                Finding::Unknown => report.unknown.push(name),
            }
        }
        report
    }

    /// Returns whether anything differs, or is not known to be equal.
    fn is_different(&self) -> bool {
        let lists = [&self.only_first, &self.only_second, &self.unknown];
        lists.iter().any(|names| !names.is_empty()) || !self.different.is_empty()
    }

    fn summary(&self) -> String {
        let count = |items: usize| grouped(items as u64);
        let mut text = format!(
            "{} equal, {} different, {} only in the first, {} only in the second",
            grouped(self.equal),
            count(self.different.len()),
            count(self.only_first.len()),
            count(self.only_second.len())
        );
        if !self.unknown.is_empty() {
            text +=
                &format!(", {} of the same size; compare them with --checksum", count(self.unknown.len()));
        }
        text
    }
}

fn lines(findings: &[(&str, Finding)], sizes: Sizes) -> Vec<String> {
    let line = |(name, finding): &(&str, Finding)| {
        // A single file or object is named by the arguments.
        let gap = if name.is_empty() { "" } else { "  " };
        match finding {
            Finding::OnlyFirst => format!("< {name}"),
            Finding::OnlySecond => format!("> {name}"),
            Finding::Sizes(one, two) => {
                format!("! {name}{gap}{} and {}", sizes.short(*one), sizes.short(*two))
            }
            Finding::Digests => format!("! {name}{gap}another SHA-256"),
            Finding::Unknown => format!("? {name}"),
        }
    };
    findings.iter().map(line).collect()
}
