//! Exclusion patterns of a sync.

use anyhow::{Context as _, Result};
use glob::{MatchOptions, Pattern};

/// Patterns of files and folders. An excluded folder is excluded with its contents.
#[derive(Debug, Default)]
pub(super) struct Exclude(Vec<Rule>);

#[derive(Debug)]
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

impl Exclude {
    pub(super) fn new(patterns: &[String]) -> Result<Self> {
        patterns.iter().map(|text| Rule::new(text)).collect::<Result<_>>().map(Self)
    }

    /// Returns whether a path in the folder, with slashes as separators, matches a pattern.
    pub(super) fn matches(&self, path: &str, is_folder: bool) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        self.0.iter().any(|rule| {
            let text = if rule.is_of_path { path } else { name };
            (is_folder || !rule.is_of_folders) && rule.pattern.matches_with(text, OPTIONS)
        })
    }

    /// Returns whether a file or a folder above it matches a pattern.
    pub(super) fn covers(&self, path: &str) -> bool {
        let mut folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        folders.any(|folder| self.matches(folder, true)) || self.matches(path, false)
    }
}

impl Rule {
    fn new(text: &str) -> Result<Self> {
        let (path, is_of_folders) = match text.strip_suffix('/') {
            Some(path) => (path, true),
            None => (text, false),
        };
        let pattern = Pattern::new(path.trim_start_matches('/'))
            .with_context(|| format!("--exclude {text:?} is not a valid pattern"))?;
        Ok(Self { pattern, is_of_path: path.contains('/'), is_of_folders })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name patterns match anywhere, path patterns match paths, and folders are excluded with their contents.
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
            let exclude = Exclude::new(&[pattern.to_owned()]).unwrap();
            assert_eq!(exclude.covers(path), expected, "{pattern} {path}");
        }
        assert!(!Exclude::default().covers("a"));
        assert!(Exclude::new(&["[".to_owned()]).unwrap_err().to_string().contains("\"[\""));
    }
}
