//! Walk through a folder of this machine.

use std::{
    fs::{self, FileType},
    io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::Path,
};

use anyhow::{Context, Result, anyhow, bail};
use walkdir::{DirEntry, WalkDir};

use super::{Entry, Reading, Tree};
use crate::{
    failure::{add_help, with_help},
    failures::Failures,
    links::resolve,
    temporary::is_temporary,
    text,
};

/// Walks a folder. Adds files that cannot be read to the failures and continues.
pub(super) fn read(folder: &Path, reading: &Reading<'_>, failures: &mut Failures) -> Result<Tree> {
    let shown = text::path(folder);
    let metadata = fs::metadata(folder).with_context(|| format!("cannot read {shown}"))?;
    if !metadata.is_dir() {
        return Err(with_help(
            format!("{shown} is not a folder"),
            "store a single file with: storage put FILE KEY",
        ));
    }
    let stores = reading.stores.iter().filter_map(|store| fs::metadata(store).ok());
    let stores: Vec<_> = stores.map(|store| identity(&store)).collect();
    if stores.contains(&identity(&metadata)) {
        bail!("{shown} is the store itself");
    }
    if let Some(kept) = reading.kept {
        let resolved = resolve(folder).with_context(|| format!("cannot read {shown}"))?;
        if let Some(store) = kept.around(&resolved) {
            bail!("{shown} is in the folder of the store {}", text::path(store));
        }
    }
    let mut walk = Walk { folder, reading, stores, tree: Tree::default() };
    let mut entries = WalkDir::new(folder).min_depth(1).into_iter();
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let item = error.path().map_or(shown.clone(), text::path);
                failures.add(item, &anyhow!(cause(error)).context("cannot read it"));
                continue;
            }
        };
        match walk.add(&entry) {
            Ok(Step::Into) => {}
            Ok(Step::Over) => entries.skip_current_dir(),
            Err(error) => {
                failures.add(text::path(entry.path()), &error);
                if entry.file_type().is_dir() {
                    entries.skip_current_dir();
                }
            }
        }
    }
    let mut tree = walk.tree;
    tree.existing = tree.entries.len();
    tree.entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok(tree)
}

struct Walk<'a> {
    folder: &'a Path,
    reading: &'a Reading<'a>,
    /// Identities of the folders of stores.
    stores: Vec<(u64, u64)>,
    tree: Tree,
}

/// How the walk continues.
enum Step {
    Into,
    Over,
}

impl Walk<'_> {
    fn add(&mut self, entry: &DirEntry) -> Result<Step> {
        let path = entry.path();
        let relative = path.strip_prefix(self.folder).context("the path is outside the folder")?;
        let filter = self.reading.filter;
        if entry.file_type().is_dir() {
            if filter.excludes(&relative.to_string_lossy(), true) {
                return Ok(Step::Over);
            }
            if self.stores.contains(&identity(&entry.metadata().map_err(cause)?)) {
                self.tree.skipped.push(format!("{}: the store itself", text::path(path)));
                return Ok(Step::Over);
            }
            if self.reading.kept.is_some_and(|kept| kept.contains(path)) {
                self.tree.skipped.push(format!("{}: the folder of a store", text::path(path)));
                return Ok(Step::Over);
            }
            // No file in it could have a valid key. In a target, such files can be removed.
            if self.reading.kept.is_none() {
                name_of(relative)?;
            }
            return Ok(Step::Into);
        }
        // Another command writes it, or was killed.
        if is_temporary(entry.file_name()) && entry.file_type().is_file() {
            self.tree.unfinished.extend(path.parent().map(Path::to_owned));
            return Ok(Step::Into);
        }
        // The folders above were not excluded.
        let lossy = relative.to_string_lossy();
        if filter.excludes(&lossy, false) || !filter.includes(&lossy) {
            return Ok(Step::Into);
        }
        if self.reading.kept.is_some()
            && let Some(step) = self.add_itself(entry, relative)?
        {
            return Ok(step);
        }
        let name = name_of(relative)?;
        // For a link, the metadata of its target.
        let metadata = fs::metadata(path).map_err(|error| match entry.file_type().is_symlink() {
            true => add_help(error, "cannot follow the link", "remove the link, or --exclude it"),
            false => anyhow!(error).context("cannot read it"),
        })?;
        match kind(metadata.file_type()) {
            None => self.tree.entries.push(Entry::of_file(name, path, &metadata)),
            Some(kind) => {
                self.tree.skipped.push(format!("{}, {kind}", text::path(path)));
                self.tree.left_out.insert(name);
            }
        }
        Ok(Step::Into)
    }

    /// Adds a file of a target that no entry of a source can equal, as far as it is only to be removed: a link that leads nowhere,
    /// or a file or link whose name is not UTF-8.
    fn add_itself(&mut self, entry: &DirEntry, relative: &Path) -> Result<Option<Step>> {
        let (path, file_type) = (entry.path(), entry.file_type());
        let of = |name| Ok::<_, io::Error>(Entry::of_file(name, path, &path.symlink_metadata()?));
        match relative.to_str() {
            Some(name) if file_type.is_symlink() && fs::metadata(path).is_err() => {
                self.tree.entries.push(of(name.to_owned())?);
            }
            Some(_) => return Ok(None),
            None if file_type.is_symlink() || file_type.is_file() => {
                self.tree.extras.push(of(relative.to_string_lossy().into_owned())?);
            }
            // It is skipped, as any special file.
            None => {
                let kind = kind(file_type).unwrap_or("a file");
                self.tree.skipped.push(format!("{}, {kind}", text::path(path)));
            }
        }
        Ok(Some(Step::Into))
    }
}

/// Returns the error of the system, without the text of the walk around it.
fn cause(error: walkdir::Error) -> io::Error {
    let code = error.io_error().and_then(io::Error::raw_os_error);
    code.map_or_else(|| error.into(), io::Error::from_raw_os_error)
}

/// Returns a description of a file that is left out.
fn kind(file_type: FileType) -> Option<&'static str> {
    match file_type {
        file if file.is_file() => None,
        folder if folder.is_dir() => Some("a link to a folder"),
        fifo if fifo.is_fifo() => Some("a named pipe"),
        socket if socket.is_socket() => Some("a socket"),
        _ => Some("a device"),
    }
}

/// Returns what identifies a folder, whatever its path.
fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Returns the path in the folder as a name.
fn name_of(relative: &Path) -> Result<String> {
    let name = relative
        .to_str()
        .ok_or_else(|| with_help("the name is not UTF-8", "rename the file, or --exclude it"))?;
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error of a folder that cannot be read is that of the system.
    #[test]
    fn errors_of_a_walk_are_those_of_the_system() {
        let error = WalkDir::new("there is no such folder").into_iter().next().unwrap().unwrap_err();
        assert_eq!(cause(error).to_string(), "No such file or directory (os error 2)");
    }
}
