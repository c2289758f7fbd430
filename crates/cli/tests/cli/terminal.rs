//! What a person sees on a terminal.

use crate::{
    harness::{Store, numbers},
    pty::Terminal,
};

const LARGE: usize = 64 << 20;

/// On a terminal, the bar shows bytes, a rate and the time left, and it moves; what was stored is said after it.
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
    assert!(shown.trim_end().ends_with("stored 67108864 bytes under \"large\", revision 1"), "{shown}");

    let terminal = Terminal::start(store.command(&["get", "large", "back"]));
    let (status, shown) = terminal.finish();
    assert!(status.success() && shown.contains("reading"), "{shown}");
}

/// Errors are in colour on a terminal, and without it where NO_COLOR is set or standard error is no terminal.
#[test]
fn colours_are_for_terminals() {
    let store = Store::new();
    let (_, shown) = Terminal::start(store.command(&["stat", "nothing"])).finish();
    assert!(shown.contains("\u{1b}[31m"), "{shown:?}");
    let mut command = store.command(&["stat", "nothing"]);
    command.env("NO_COLOR", "1");
    let (_, shown) = Terminal::start(command).finish();
    assert!(shown.starts_with("storage: there is no object"), "{shown:?}");
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
