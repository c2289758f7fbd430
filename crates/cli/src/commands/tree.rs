//! The command `tree`, which shows folders and objects as a tree.

use anyhow::Result;
use serde::Serialize;

use crate::{
    args::TreeArgs,
    context::Context,
    size::Sizes,
    store::StoreClient,
    text::pluralize,
    tree::{Entry, Selected, objects_in},
    view::Object,
};

/// Object or folder.
#[derive(Serialize)]
#[serde(untagged)]
enum Node<'a> {
    Object(Object<'a>),
    Folder(Folder<'a>),
}

/// Folder with what is in it.
#[derive(Serialize)]
struct Folder<'a> {
    /// Prefix of the keys in it.
    prefix: String,
    /// Number of objects in it and below.
    objects: u64,
    /// Their bytes.
    size: u64,
    /// Empty below the last level.
    children: Vec<Node<'a>>,
    /// Name in its parent, with its slash.
    #[serde(skip)]
    name: &'a str,
    /// Number of folders below that are shown.
    #[serde(skip)]
    folders: u64,
}

pub(crate) async fn run(client: &StoreClient, context: &Context, args: &TreeArgs) -> Result<()> {
    let Selected { prefix, entries, .. } = objects_in(client, &args.selected).await?;
    let rest: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry)).collect();
    let root = Folder::of(prefix, "", &rest, args.depth.unwrap_or(usize::MAX));
    let output = context.output.human(&args.selected.human);
    output.print(&root, |root| {
        // The whole store has no prefix.
        let name = if root.prefix.is_empty() { "store:" } else { &root.prefix };
        let mut lines = vec![name.to_owned()];
        let sizes = args.long.then_some(output.sizes);
        root.draw("", sizes, &mut lines);
        lines
    })?;
    output.note(&format!(
        "{}, {}, {}",
        pluralize(root.folders, "folder", "folders"),
        pluralize(root.objects, "object", "objects"),
        output.sizes.full(root.size)
    ));
    Ok(())
}

impl<'a> Folder<'a> {
    /// Builds a folder of entries, which are in byte order, with the rests of their names.
    fn of(prefix: String, name: &'a str, rest: &[(&'a str, &'a Entry)], depth: usize) -> Self {
        let size = rest.iter().map(|(_, entry)| entry.size).sum();
        let mut folder =
            Self { objects: rest.len() as u64, size, children: Vec::new(), name, folders: 0, prefix };
        if depth == 0 {
            return folder;
        }
        let mut rest = rest;
        while let Some((name, entry)) = rest.first() {
            let Some(end) = name.find('/').map(|at| at + 1) else {
                folder.children.extend(entry.object().map(|info| Node::Object(Object::new(info))));
                rest = &rest[1..];
                continue;
            };
            let name = &name[..end];
            // Names that start the same are next to each other.
            let count = rest.partition_point(|(other, _)| other.starts_with(name));
            let below: Vec<_> = rest[..count].iter().map(|(other, entry)| (&other[end..], *entry)).collect();
            let child = Self::of(format!("{}{name}", folder.prefix), name, &below, depth - 1);
            folder.folders += 1 + child.folders;
            folder.children.push(Node::Folder(child));
            rest = &rest[count..];
        }
        folder
    }

    /// Draws the children. `indent` continues the lines of the folders above.
    fn draw(&self, indent: &str, sizes: Option<Sizes>, lines: &mut Vec<String>) {
        let width = self.children.iter().map(|child| child.details(sizes).chars().count()).max().unwrap_or(0);
        for (index, child) in self.children.iter().enumerate() {
            let is_last = index + 1 == self.children.len();
            let (branch, below) = if is_last { ("└── ", "    ") } else { ("├── ", "│   ") };
            let details = match sizes {
                Some(_) => format!("[{:>width$}]  ", child.details(sizes)),
                None => String::new(),
            };
            match child {
                Node::Object(object) => {
                    lines.push(format!("{indent}{branch}{details}{}", &object.key[self.prefix.len()..]));
                }
                Node::Folder(folder) => {
                    lines.push(format!("{indent}{branch}{details}{}", folder.name));
                    folder.draw(&format!("{indent}{below}"), sizes, lines);
                }
            }
        }
    }
}

impl Node<'_> {
    /// Returns the size, and the time of an object.
    fn details(&self, sizes: Option<Sizes>) -> String {
        let Some(sizes) = sizes else { return String::new() };
        match self {
            Self::Object(object) => format!("{}  {}", sizes.short(object.size), object.modified),
            // As wide as a time.
            Self::Folder(folder) => format!("{}  {:20}", sizes.short(folder.size), ""),
        }
    }
}
