//! Content types guessed from file names.

use std::path::Path;

/// Returns the most common type of files with such a name, if any.
pub(crate) fn guess(name: impl AsRef<Path>) -> Option<String> {
    mime_guess::from_path(name).first().map(|found| found.essence_str().to_owned())
}

/// Returns the type given by the user, where '' means none, or else the alternative.
pub(crate) fn choose(said: Option<&str>, otherwise: impl FnOnce() -> Option<String>) -> Option<String> {
    match said {
        Some(said) => Some(said.to_owned()).filter(|said| !said.is_empty()),
        None => otherwise(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types are guessed from the end of a name, and the user's choice takes precedence.
    #[test]
    fn types_are_guessed() {
        assert_eq!(guess("a/b.PNG").as_deref(), Some("image/png"));
        assert_eq!(guess("index.html").as_deref(), Some("text/html"));
        for name in ["Makefile", "no.such-type", ".png"] {
            assert_eq!(guess(name), None, "{name}");
        }
        assert_eq!(choose(None, || guess("a.txt")).as_deref(), Some("text/plain"));
        assert_eq!(choose(Some("x/y"), || guess("a.txt")).as_deref(), Some("x/y"));
        assert_eq!(choose(Some(""), || guess("a.txt")), None);
    }
}
