//! Selection of entries by name, age and size.

use anyhow::{Context as _, Result, bail};
use glob::{MatchOptions, Pattern};

use super::entry::Entry;
use crate::{args::FilterArgs, folder::now_ns};

/// Which entries of a tree are selected. The default selects all.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// If there are any, only entries that match one of them.
    include: Vec<Rule>,
    exclude: Vec<Rule>,
    /// Whether names with a dot at the start are excluded.
    without_hidden: bool,
    /// Entries modified at or after this time, in nanoseconds since 1970.
    since_ns: Option<u64>,
    /// Entries modified before this time.
    before_ns: Option<u64>,
    /// Entries of more than this number of bytes.
    larger: Option<u64>,
    /// Entries of less than this number of bytes.
    smaller: Option<u64>,
}

impl Filter {
    /// Creates the filter given by the arguments. Ages are relative to the present.
    pub(crate) fn new(args: &FilterArgs) -> Result<Self> {
        let now = now_ns();
        let ago =
            |age: std::time::Duration| now.saturating_sub(u64::try_from(age.as_nanos()).unwrap_or(u64::MAX));
        let rules = |flag, patterns: &[String]| {
            patterns.iter().map(|text| Rule::new(flag, text)).collect::<Result<_>>()
        };
        Ok(Self {
            include: rules("--include", &args.include)?,
            exclude: rules("--exclude", &args.exclude)?,
            without_hidden: false,
            since_ns: args.newer.map(ago),
            before_ns: args.older.map(ago),
            larger: args.larger,
            smaller: args.smaller,
        })
    }

    /// Excludes hidden files and folders as well, except `.well-known`.
    pub(crate) fn without_hidden(self) -> Self {
        Self { without_hidden: true, ..self }
    }

    /// Returns the same patterns for entries of any age and size.
    pub(crate) fn without_ages_and_sizes(&self) -> Self {
        let Self { include, exclude, without_hidden, .. } = self;
        let (include, exclude) = (include.clone(), exclude.clone());
        Self { include, exclude, without_hidden: *without_hidden, ..Self::default() }
    }

    /// Returns whether a file or folder itself is excluded. A folder is excluded with its contents.
    pub(crate) fn excludes(&self, path: &str, is_folder: bool) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        self.without_hidden && is_hidden(name) || matches(&self.exclude, path, is_folder)
    }

    /// Returns whether there are patterns.
    pub(crate) fn has_patterns(&self) -> bool {
        !self.include.is_empty() || !self.exclude.is_empty()
    }

    /// Returns whether a folder, or one above it, is excluded with its contents.
    pub(crate) fn excludes_all_in(&self, folder: &str) -> bool {
        let ends = folder.match_indices('/').map(|(end, _)| end).chain([folder.len()]);
        ends.map(|end| &folder[..end]).any(|folder| self.excludes(folder, true))
    }

    /// Returns whether a file, or a folder above it, matches a pattern to include.
    pub(crate) fn includes(&self, path: &str) -> bool {
        self.include.is_empty() || covers(&self.include, path)
    }

    /// Returns whether the patterns select a name.
    pub(crate) fn names(&self, name: &str) -> bool {
        let is_hidden = self.without_hidden && name.split('/').any(is_hidden);
        self.includes(name) && !is_hidden && !covers(&self.exclude, name)
    }

    /// Returns whether an entry has the age and the size.
    pub(crate) fn selects(&self, entry: &Entry) -> bool {
        self.since_ns.is_none_or(|since| entry.modified_ns >= since)
            && self.before_ns.is_none_or(|before| entry.modified_ns < before)
            && self.larger.is_none_or(|bytes| entry.size > bytes)
            && self.smaller.is_none_or(|bytes| entry.size < bytes)
    }
}

/// The hidden folder that web sites have (RFC 8615).
const WELL_KNOWN: &str = ".well-known";

fn is_hidden(name: &str) -> bool {
    name.starts_with('.') && name != WELL_KNOWN
}

/// Pattern of names, paths or folders.
#[derive(Clone, Debug)]
struct Rule {
    pattern: Pattern,
    /// Whether the pattern applies to the path in the folder rather than to any name.
    is_of_path: bool,
    is_of_folders: bool,
}

/// A star does not match a slash; a dot is not special.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

impl Rule {
    fn new(flag: &str, text: &str) -> Result<Self> {
        let (path, is_of_folders) = match text.strip_suffix('/') {
            Some(path) => (path, true),
            None => (text, false),
        };
        let relative = path.trim_start_matches('/');
        // An unset variable of a shell, most likely.
        if relative.is_empty() {
            bail!("{flag} {text:?} is not a valid pattern: it matches no name");
        }
        let pattern =
            Pattern::new(relative).with_context(|| format!("{flag} {text:?} is not a valid pattern"))?;
        Ok(Self { pattern, is_of_path: path.contains('/'), is_of_folders })
    }
}

/// Returns whether a path in the folder, with slashes as separators, matches a rule.
fn matches(rules: &[Rule], path: &str, is_folder: bool) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    rules.iter().any(|rule| {
        let text = if rule.is_of_path { path } else { name };
        (is_folder || !rule.is_of_folders) && rule.pattern.matches_with(text, OPTIONS)
    })
}

/// Returns whether a file or a folder above it matches a rule.
fn covers(rules: &[Rule], path: &str) -> bool {
    let mut folders = path.match_indices('/').map(|(end, _)| &path[..end]);
    folders.any(|folder| matches(rules, folder, true)) || matches(rules, path, false)
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, time::Duration};

    use super::*;
    use crate::tree::Content;

    fn of(args: &FilterArgs) -> Filter {
        Filter::new(args).unwrap()
    }

    /// Name patterns match anywhere, path patterns match paths, and folders are matched with their contents.
    #[test]
    fn patterns_match_names_paths_or_folders() {
        let cases = [
            ("*.tmp", "a.tmp", true),
            ("*.tmp", "b/c/a.tmp", true),
            ("*.tmp", "a.tmp.png", false),
            (".git", "b/.git/config", true),
            ("/a", "a", true),
            ("/a", "b/a", false),
            ("b/*", "b/a", true),
            ("b/*", "b/c/a", true),
            ("b/*.png", "b/c/a.png", false),
            ("b/**/*.png", "b/c/d/a.png", true),
            ("**/c", "b/c/a", true),
            ("build/", "build", false),
            ("build/", "x/build/a", true),
            ("?", "ü", true),
        ];
        for (pattern, path, expected) in cases {
            let patterns = vec![pattern.to_owned()];
            let exclude = of(&FilterArgs { exclude: patterns.clone(), ..FilterArgs::default() });
            assert_eq!(!exclude.names(path), expected, "--exclude {pattern} {path}");
            let include = of(&FilterArgs { include: patterns, ..FilterArgs::default() });
            assert_eq!(include.names(path), expected, "--include {pattern} {path}");
        }
        assert!(Filter::default().names("a"));
        for pattern in ["[", "", "/", "//"] {
            let invalid = FilterArgs { exclude: vec![pattern.to_owned()], ..FilterArgs::default() };
            let error = Filter::new(&invalid).unwrap_err().to_string();
            assert!(error.contains(&format!("--exclude {pattern:?} is not a valid pattern")), "{error}");
        }
    }

    /// An excluded name stays excluded, whatever is included.
    #[test]
    fn exclusion_takes_precedence() {
        let include = vec!["*.png".to_owned(), "docs/".to_owned()];
        let both = of(&FilterArgs { include, exclude: vec!["old*".to_owned()], ..FilterArgs::default() });
        for (name, expected) in
            [("a.png", true), ("docs/a", true), ("a", false), ("old.png", false), ("docs/old/a", false)]
        {
            assert_eq!(both.names(name), expected, "{name}");
        }
    }

    #[test]
    fn hidden_names_are_excluded_except_well_known() {
        let (all, shown) = (Filter::default(), Filter::default().without_hidden());
        for (name, expected) in [
            (".env", false),
            ("a/.git/config", false),
            (".well-known/ic-domains", true),
            (".well-known/.hidden", false),
            ("a.b/c.", true),
        ] {
            assert_eq!((shown.names(name), all.names(name)), (expected, true), "{name}");
        }
        assert!(shown.excludes("a/.git", true) && !shown.excludes("a/.well-known", true));
    }

    /// Ages end at the present; sizes exclude the limit itself.
    #[test]
    fn ages_and_sizes_select() {
        let hour = Duration::from_secs(3_600);
        let entry = |size, age: Duration| Entry {
            name: String::new(),
            size,
            modified_ns: now_ns() - age.as_nanos() as u64,
            content: Content::File(PathBuf::new()),
            attributes: None,
        };
        let newer = of(&FilterArgs { newer: Some(hour), ..FilterArgs::default() });
        let older = of(&FilterArgs { older: Some(hour), ..FilterArgs::default() });
        for (age, is_newer) in [(hour / 2, true), (hour * 2, false)] {
            assert_eq!(newer.selects(&entry(1, age)), is_newer);
            assert_eq!(older.selects(&entry(1, age)), !is_newer);
        }
        let sized = of(&FilterArgs { larger: Some(1), smaller: Some(4), ..FilterArgs::default() });
        let selected: Vec<_> = (0..6).filter(|size| sized.selects(&entry(*size, hour))).collect();
        assert_eq!(selected, [2, 3]);
    }
}
