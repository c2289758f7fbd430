//! The log.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use crate::harness::Store;

/// Lines are appended unchanged, and the last ones are printed in order.
#[test]
fn the_log_is_appended_and_tailed() {
    let store = Store::new();
    store.run(&["log", "append", "first", "", "grüße"]);
    let lines: String = (0..1_500).map(|number| format!("line {number}\n")).collect();
    store.run_with_input(&["log", "append", "-"], lines.as_bytes());
    store.run_with_input(&["log", "append", "-"], b"no newline at the end");
    assert_eq!(store.text(&["log", "tail", "-n", "2"]), "line 1499\nno newline at the end\n");
    assert_eq!(store.text(&["log", "tail"]).lines().count(), 10);
    assert_eq!(store.text(&["log", "tail", "-n", "0"]), "");
    let all = store.text(&["log", "tail", "-n", "99999"]);
    assert_eq!(all, format!("first\n\ngrüße\n{lines}no newline at the end\n"));
}

/// Entries that are not text are shown in hexadecimal.
#[test]
fn bytes_in_the_log_are_shown() {
    let store = Store::new();
    store.run_with_input(&["log", "append", "-"], b"\xff\x00\n");
    assert_eq!(store.text(&["log", "tail"]), "0xff00\n");
    assert_eq!(store.text(&["--json", "log", "tail"]), "{\"index\":0,\"hex\":\"ff00\"}\n");
}

/// A given number of entries is read from an index on.
#[test]
fn the_log_is_read_from_an_index() {
    let store = Store::new();
    store.run_with_input(&["log", "append", "-"], b"a\nb\nc\nd\n");
    assert_eq!(store.text(&["log", "read"]), "a\nb\nc\nd\n");
    assert_eq!(store.text(&["log", "read", "1", "-n", "2"]), "b\nc\n");
    assert_eq!(store.text(&["log", "read", "9"]), "");
    assert_eq!(store.text(&["--json", "log", "read", "3"]), "{\"index\":3,\"text\":\"d\"}\n");
}

/// Following the log prints entries that other commands append, and does not block those commands.
#[test]
fn the_log_is_followed() {
    let store = Store::new();
    store.run(&["log", "append", "before"]);
    let mut follow = store.command(&["log", "tail", "-f"]);
    let mut follow = follow.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "before");
    for text in ["one", "two"] {
        store.run(&["log", "append", text]);
        assert_eq!(lines.next().unwrap().unwrap(), text);
    }
    follow.kill().unwrap();
    follow.wait().unwrap();
}
