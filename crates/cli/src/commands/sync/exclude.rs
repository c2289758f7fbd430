//! What a sync leaves out.

use anyhow::{Context as _, Result};
use glob::{MatchOptions, Pattern};

/// Patterns of files and folders. What is in an excluded folder is excluded with it.
#[derive(Debug, Default)]
pub(super) struct Exclude(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    pattern: Pattern,
    /// Whether the pattern is of a path from the folder on, and not of a name anywhere.
    is_of_path: bool,
    is_of_folders: bool,
}

/// A star does not match a slash; a dot is a character as others.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

impl Exclude {
    pub(super) fn new(patterns: &[String]) -> Result<Self> {
        patterns.iter().map(|text| Rule::new(text)).collect::<Result<_>>().map(Self)
    }

    /// Whether a path in the folder, with slashes between its names, is left out by itself.
    pub(super) fn matches(&self, path: &str, is_folder: bool) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        self.0.iter().any(|rule| {
            let text = if rule.is_of_path { path } else { name };
            (is_folder || !rule.is_of_folders) && rule.pattern.matches_with(text, OPTIONS)
        })
    }

    /// Whether a file is left out by itself or with a folder that it is in.
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
            .with_context(|| format!("--exclude {text:?} is not a pattern"))?;
        Ok(Self { pattern, is_of_path: path.contains('/'), is_of_folders })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names are excluded anywhere, paths where they are, and folders with all that is in them.
    #[test]
    fn patterns_are_of_names_paths_or_folders() {
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
