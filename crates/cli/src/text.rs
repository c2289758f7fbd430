//! Escaping of untrusted text: keys, paths, log entries, messages of a network.

use std::{borrow::Cow, ffi::OsStr, fmt::Write, path::Path};

/// Returns whether a character is invisible or misleading: it moves the cursor, changes the direction of writing, breaks
/// the line, or has no width.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Soft hyphen, combining grapheme joiner, Arabic letter mark, Mongolian vowel separator.
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}'
            // Hangul fillers, which are blank.
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}'
            // Zero-width characters and direction marks; line and paragraph separators and direction overrides.
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            // Word joiner, invisible operators, direction isolates; byte order mark; annotations.
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            // Tags.
            | '\u{e0000}'..='\u{e007f}')
}

/// Escapes a text for one line: invisible characters as in a Rust string, and backslashes, so that different texts never
/// look the same.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    escape_where(text, |character| character == '\\' || is_hidden(character))
}

/// Escapes a message that contains untrusted text. Keeps its lines and tabs.
pub(crate) fn escape_message(text: &str) -> Cow<'_, str> {
    escape_where(text, |character| !matches!(character, '\n' | '\t') && is_hidden(character))
}

/// Escapes the content of an object for a terminal. Keeps its lines and tabs.
pub(crate) fn escape_content(text: &str) -> Cow<'_, str> {
    escape_where(text, |character| !matches!(character, '\n' | '\t' | '\r') && is_hidden(character))
}

fn escape_where(text: &str, escapes: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&escapes) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match escapes(character) {
            true => escaped.extend(character.escape_default()),
            false => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

/// Escapes a text within a JSON string: invisible characters become `\uXXXX`.
pub(crate) fn escape_json(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match is_hidden(character) {
            true => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(escaped, "\\u{unit:04x}").expect("a string takes all that is written to it");
                }
            }
            false => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

/// Returns a path for a message. Bytes that are not UTF-8 are shown as `\xff`.
pub(crate) fn path(path: &Path) -> String {
    name(path.as_os_str())
}

/// Returns the name of a file for a message. An empty one is shown as two quotes.
pub(crate) fn name(name: &OsStr) -> String {
    if name.is_empty() {
        return "\"\"".to_owned();
    }
    let mut shown = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        shown.push_str(&escape(chunk.valid()));
        for byte in chunk.invalid() {
            write!(shown, "\\x{byte:02x}").expect("a string takes all that is written to it");
        }
    }
    shown
}

/// Quotes an argument, so that it can be copied into a shell.
pub(crate) fn argument(argument: impl AsRef<OsStr>) -> String {
    let argument = argument.as_ref();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+=:,@%".contains(byte);
    match argument.to_str() {
        Some(text) if !text.is_empty() && text.as_bytes().iter().all(is_plain) => text.to_owned(),
        Some(text) if !text.contains(is_hidden) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => ansi_quoted(argument),
    }
}

/// Quotes any other bytes, in a form that bash, zsh and ksh understand.
fn ansi_quoted(argument: &OsStr) -> String {
    let mut quoted = String::from("$'");
    for byte in argument.as_encoded_bytes() {
        match byte {
            b'\'' | b'\\' => quoted.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => quoted.push(char::from(*byte)),
            byte => write!(quoted, "\\x{byte:02x}").expect("a string takes all that is written to it"),
        }
    }
    quoted + "'"
}

/// Formats a count with its noun.
pub(crate) fn pluralize(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// Formats a number with a comma before every three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    /// Visible characters stay; invisible and misleading ones are escaped.
    #[test]
    fn hidden_characters_are_escaped() {
        let cases = [
            ("grüße/a b 🙂", "grüße/a b 🙂"),
            ("a\u{1b}[2J\u{7f}\u{9b}", r"a\u{1b}[2J\u{7f}\u{9b}"),
            ("gpj.\u{202e}exe", r"gpj.\u{202e}exe"),
            ("a\u{2028}b\u{200b}c\u{feff}\u{2066}", r"a\u{2028}b\u{200b}c\u{feff}\u{2066}"),
            ("tag\u{e0041}", r"tag\u{e0041}"),
        ];
        for (text, expected) in cases {
            assert_eq!(escape(text), expected);
            assert_eq!(escape_message(text), expected);
            assert_eq!(escape_content(text), expected);
        }
    }

    /// A newline and the two characters that represent it do not look the same.
    #[test]
    fn different_texts_look_different() {
        assert_eq!(escape("a\nb"), r"a\nb");
        assert_eq!(escape(r"a\nb"), r"a\\nb");
        assert_eq!(escape_message("two\nlines\t\r"), "two\nlines\t\\r");
        assert_eq!(escape_content("dos\r\n"), "dos\r\n");
    }

    /// Escaped JSON has the same meaning.
    #[test]
    fn json_keeps_its_meaning() {
        for text in ["a\u{202e}b", "\u{7f}", "\u{e0041}", "\u{9b}31m"] {
            let json = format!("\"{}\"", escape_json(text));
            assert!(json.is_ascii(), "{json}");
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }

    /// A path is shown on one line, whatever its bytes.
    #[test]
    fn paths_are_shown_on_one_line() {
        assert_eq!(path(Path::new("a b/c")), "a b/c");
        assert_eq!(path(Path::new("a\n\u{1b}]0;b")), r"a\n\u{1b}]0;b");
        assert_eq!(name(OsStr::from_bytes(b"gr\xfc\xdfe")), r"gr\xfc\xdfe");
    }

    /// A quoted argument has the same meaning to a shell, whatever its bytes.
    #[test]
    fn arguments_are_quoted_for_a_shell() {
        for (name, expected) in [
            (&b"plain/name-1.txt"[..], "plain/name-1.txt"),
            (b"", "''"),
            (b"two words", "'two words'"),
            (b"it's; rm *", r"'it'\''s; rm *'"),
            (b"~", "'~'"),
            (b"new\nline'", r"$'new\x0aline\''"),
            (b"gr\xfc\xdfe", r"$'gr\xfc\xdfe'"),
        ] {
            let name = OsStr::from_bytes(name);
            assert_eq!(argument(name), expected);
            let mut shell = std::process::Command::new("bash");
            let output = shell.args(["-c", &format!("printf %s {}", argument(name))]).output().unwrap();
            assert_eq!(OsStr::from_bytes(&output.stdout), name);
        }
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), expected);
        }
        assert_eq!(pluralize(1, "file", "files"), "1 file");
        assert_eq!(pluralize(11_705, "object", "objects"), "11,705 objects");
    }
}
