//! Output on a terminal.

use sha2::{Digest, Sha256};

use crate::{
    harness::{MAX_PAYLOAD, Store, numbers, without_rates},
    pty::Terminal,
};

const LARGE: usize = 64 << 20;

/// The bar shows bytes, a rate and the time left, and it moves; the result is printed after it.
#[test]
fn the_bar_moves() {
    let store = Store::new();
    store.file("large", &numbers(LARGE));
    let mut terminal = Terminal::start(store.command(&["put", "large"]));
    terminal.wait_for_progress("storing");
    let first = terminal.positions("storing").last().unwrap().clone();
    while terminal.positions("storing").last() == Some(&first) {
        assert!(terminal.read(), "the bar stayed at {first}");
    }
    let (status, shown) = terminal.finish();
    assert!(status.success(), "{shown}");
    assert!(
        shown.contains("of   64.00 MiB") && shown.contains("MiB/s") && shown.contains("s left"),
        "{shown}"
    );
    assert!(
        without_rates(&shown)
            .trim_end()
            .ends_with("stored 64.0 MiB (67,108,864 bytes) under \"large\" at RATE/s, revision 1"),
        "{shown}"
    );

    let terminal = Terminal::start(store.command(&["get", "large", "back"]));
    let (status, shown) = terminal.finish();
    assert!(status.success() && shown.contains("reading"), "{shown}");
}

/// The bar fits a narrow terminal, and messages leave no remains of it.
#[test]
fn a_narrow_terminal_has_a_narrow_bar() {
    let store = Store::new();
    let content = numbers(LARGE);
    store.file("large", &content);
    store.begin_upload("large", LARGE as u64, Sha256::digest(&content).into());
    let mut terminal = Terminal::with_columns(store.command(&["put", "large"]), 60, false);
    terminal.wait_for("storing");
    let (status, shown) = terminal.finish();
    assert!(status.success() && shown.contains("resuming upload"), "{shown}");
    for frame in shown.split(['\r', '\n']) {
        let visible = anstream::adapter::strip_str(frame).to_string();
        // The last line is a message, which is not erased and may wrap.
        assert!(visible.starts_with("stored ") || visible.chars().count() <= 60, "{visible:?}");
        assert!(!visible.contains("resuming") || visible.starts_with("resuming"), "{visible:?}");
    }
}

/// Characters that move the cursor, change the direction of writing or are invisible are escaped on a terminal, and only
/// there.
#[test]
fn terminals_are_shown_escapes() {
    let store = Store::new();
    let keys = ["a\u{1b}[31m", "b\nc", r"b\nc", "d\u{202e}gpj", "e\u{200b}", "f\u{2028}"];
    for key in keys {
        store.run_with_input(&["put", "-", key], key.as_bytes());
    }
    store.run_with_input(&["log", "append", "-"], "\u{1b}]0;title\u{7}\n\u{202e}x\n".as_bytes());
    let show = |args: &[&str]| Terminal::start_all(store.command(args)).finish().1.replace("\r\n", "\n");
    let listed = "a\\u{1b}[31m\nb\\nc\nb\\\\nc\nd\\u{202e}gpj\ne\\u{200b}\nf\\u{2028}\n";
    assert_eq!(show(&["ls"]), listed);
    assert_eq!(show(&["log", "tail"]), "\\u{1b}]0;title\\u{7}\n\\u{202e}x\n");
    assert_eq!(show(&["log", "read", "1"]), "\\u{202e}x\n");
    assert_eq!(show(&["get", keys[0]]), "a\\u{1b}[31m");
    assert_eq!(show(&["--raw", "get", keys[3]]), keys[3]);
    assert!(show(&["stat", keys[3]]).contains("key           d\\u{202e}gpj\n"));
    // Messages contain paths and keys.
    std::os::unix::fs::symlink("store", store.path("l\u{1b}[2J\u{202e}")).unwrap();
    for args in
        [&["put", "no\u{1b}[2J\u{202e}\nfile"][..], &["sync", ".", "p"], &["stat", "no\u{1b}[2J\u{202e}"]]
    {
        for said in [show(args), String::from_utf8(store.output(args, b"").stderr).unwrap()] {
            assert!(said.contains("\\u{1b}[2J\\u{202e}"), "{said:?}");
            assert!(!said.contains("\u{1b}[2J") && !said.contains('\u{202e}'), "{said:?}");
        }
    }
    let piped = store.text(&["ls"]);
    assert_eq!(piped, keys.map(|key| format!("{key}\n")).concat());
    // JSON has the same meaning, and no invisible characters.
    let json = store.text(&["--json", "ls", "d"]);
    assert!(json.contains(r"d\u202egpj"), "{json}");
    assert_eq!(store.json(&["ls", "d"])[0]["key"], keys[3]);
}

/// Content that is not text is not written to a terminal without --raw.
#[test]
fn binary_content_is_not_written_to_a_terminal() {
    let store = Store::new();
    store.run_with_input(&["put", "-", "binary"], b"\x89PNG\r\n\x1a\n\0\xff");
    let (status, shown) = Terminal::start_all(store.command(&["get", "binary"])).finish();
    assert_eq!(status.code(), Some(1));
    assert!(shown.contains("not text") && shown.contains("--raw") && !shown.contains("PNG"), "{shown:?}");
    let (status, shown) = Terminal::start_all(store.command(&["get", "binary", "--raw"])).finish();
    assert!(status.success() && shown.contains("PNG"), "{shown:?}");
    store.run(&["region", "new", "1"]);
    let (status, shown) = Terminal::start_all(store.command(&["region", "load", "16"])).finish();
    assert!(status.code() == Some(1) && shown.contains("--raw"), "{shown:?}");
    let (status, shown) = Terminal::start_all(store.command(&["snapshot", "export", "-"])).finish();
    assert!(status.code() == Some(1) && shown.contains("terminal"), "{shown:?}");
}

/// Errors are in colour on a terminal, unless NO_COLOR is set.
#[test]
fn colours_are_for_terminals() {
    let store = Store::new();
    let (_, shown) = Terminal::start(store.command(&["stat", "nothing"])).finish();
    assert!(shown.contains("\u{1b}[31m"), "{shown:?}");
    let mut command = store.command(&["stat", "nothing"]);
    command.env("NO_COLOR", "1");
    let (_, shown) = Terminal::start(command).finish();
    assert!(shown.starts_with("error: there is no object"), "{shown:?}");
    assert!(!store.fail(3, &["stat", "nothing"]).contains('\u{1b}'));
}

/// With --quiet, a terminal stays empty.
#[test]
fn quiet_is_quiet_on_a_terminal() {
    let store = Store::new();
    store.file("large", &numbers(3 << 20));
    let (status, shown) = Terminal::start(store.command(&["-q", "put", "large"])).finish();
    assert!(status.success() && shown.is_empty(), "{shown:?}");
}

/// On a terminal that is too narrow for a bar there is none: its line would wrap, and could not be erased.
#[test]
fn a_very_narrow_terminal_has_no_bar() {
    let store = Store::new();
    store.file("large", &numbers(MAX_PAYLOAD + 1));
    for (columns, has_bar) in [(20, false), (39, false), (40, true)] {
        let terminal = Terminal::with_columns(store.command(&["put", "large"]), columns, false);
        let (status, shown) = terminal.finish();
        assert!(status.success() && shown.contains("hashing ") == has_bar, "{columns}: {shown}");
    }
}
