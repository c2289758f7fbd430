//! The commands in README.md, CONTRIBUTING.md and docs/: they are run, or what they name exists.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::harness::{Store, output, without_rates};

/// A fenced block of commands: its file and line, whether it is marked as runnable, and its lines.
struct Block {
    location: String,
    is_runnable: bool,
    lines: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn documents() -> Vec<PathBuf> {
    let top = ["README.md", "CONTRIBUTING.md", "crates/embedded-ic/README.md"].map(|name| root().join(name));
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        top.into_iter().chain(docs.filter(|path| path.extension().is_some_and(|end| end == "md"))).collect();
    files.sort();
    files
}

/// Returns the blocks of shell commands of a document.
fn blocks(file: &Path) -> Vec<Block> {
    let text = fs::read_to_string(file).unwrap();
    let (mut blocks, mut open, mut is_runnable) = (Vec::<Block>::new(), false, false);
    for (number, line) in text.lines().enumerate() {
        match line.trim() {
            "<!-- runnable -->" => is_runnable = true,
            "```sh" | "```console" => {
                open = true;
                let location = format!("{}:{}", file.file_name().unwrap().display(), number + 1);
                blocks.push(Block { location, is_runnable, lines: Vec::new() });
                is_runnable = false;
            }
            "```" => open = false,
            _ if open => blocks.last_mut().unwrap().lines.push(line.to_owned()),
            _ => {}
        }
    }
    blocks
}

/// Splits a command into words, as far as the documents need it: quotes, and comments after two spaces.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut is_open) = (String::new(), None, false);
    for character in command.split("  #").next().unwrap_or("").chars() {
        match (character, quote) {
            (_, Some(end)) if character == end => quote = None,
            ('\'' | '"', None) => (quote, is_open) = (Some(character), true),
            (' ', None) if is_open => {
                words.push(std::mem::take(&mut word));
                is_open = false;
            }
            (' ', None) => {}
            _ => {
                word.push(character);
                is_open = true;
            }
        }
    }
    if is_open {
        words.push(word);
    }
    words
}

/// A runnable block is run line by line in a folder with some files. Where the document shows output, it is compared.
#[test]
fn runnable_blocks_print_what_they_show() {
    let blocks: Vec<_> = documents().iter().flat_map(|file| blocks(file)).collect();
    let runnable: Vec<_> = blocks.iter().filter(|block| block.is_runnable).collect();
    assert!(!runnable.is_empty(), "no block is marked as runnable");
    for block in runnable {
        let store = Store::none();
        store.file("README.md", b"# A file\n");
        store.file("photo.png", b"\x89PNG");
        store.file("photos/2026/1.png", &[0; 1024]);
        let mut lines = block.lines.iter().peekable();
        while let Some(line) = lines.next() {
            let command =
                line.strip_prefix("$ storage ").unwrap_or_else(|| panic!("{}: {line}", block.location));
            let args = words(command);
            let mut bare = store.bare(&args.iter().map(String::as_str).collect::<Vec<_>>());
            bare.current_dir(store.path(""));
            let done = output(bare, b"");
            let printed = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
            assert!(done.status.success(), "{}: {command}: {printed}", block.location);
            let mut expected = String::new();
            while let Some(shown) = lines.next_if(|line| !line.starts_with("$ ")) {
                expected += shown;
                expected.push('\n');
            }
            if !expected.is_empty() {
                let (printed, expected) = (without_rates(&printed), without_rates(&expected));
                assert_eq!(printed, expected, "{}: {command}", block.location);
            }
        }
    }
}

/// Every other command names a script, a cargo target or a package that exists.
#[test]
fn commands_in_documents_name_what_exists() {
    let manifest = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    for block in documents().iter().flat_map(|file| blocks(file)) {
        for line in &block.lines {
            let words = words(line.trim_start_matches("$ "));
            let Some(first) = words.iter().find(|word| !word.contains('=')) else { continue };
            if first.starts_with("scripts/") {
                assert!(root().join(first).is_file(), "{}: there is no {first}", block.location);
            }
            if first == "cargo" {
                check_cargo(&words, &manifest, &block.location);
            }
        }
    }
}

/// The files that the documents link to exist.
#[test]
fn links_in_documents_lead_to_files() {
    let more = ["CHANGELOG.md", "SECURITY.md"].map(|name| root().join(name));
    for file in documents().into_iter().chain(more) {
        let text = fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            let target = file.parent().unwrap().join(path);
            assert!(target.exists(), "{}: there is no {link}", file.display());
        }
    }
}

fn check_cargo(words: &[String], lock: &str, location: &str) {
    let value = |flags: &[&str]| {
        let at = words.iter().position(|word| flags.contains(&word.as_str()))?;
        words.get(at + 1)
    };
    if let Some(package) = value(&["-p", "--package"]) {
        assert!(
            lock.contains(&format!("\nname = \"{package}\"\n")),
            "{location}: there is no package {package}"
        );
    }
    for (flag, folder) in [("--test", "tests"), ("--example", "examples")] {
        let Some(name) = value(&[flag]) else { continue };
        let crates = [root(), root().join("crates")].into_iter().flat_map(|path| fs::read_dir(path).unwrap());
        let is_there = crates.map(|entry| entry.unwrap().path().join(folder)).any(|folder| {
            folder.join(format!("{name}.rs")).is_file() || folder.join(name).join("main.rs").is_file()
        });
        assert!(is_there, "{location}: there is no {flag} {name}");
    }
}

#[test]
fn words_are_split_at_spaces_outside_quotes() {
    assert_eq!(words("a 'b c' \"d\" ''  # e"), ["a", "b c", "d", ""]);
}
