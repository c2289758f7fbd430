//! Commands that wait for their user while other commands use the store.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_bytes::ByteBuf;

use crate::harness::{MAX_PAYLOAD, Store, numbers, output};

impl Store {
    /// Starts a command with pipes for its input and output.
    fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

fn stdin(child: &mut Child) -> ChildStdin {
    child.stdin.take().unwrap()
}

/// A put that waits for its input does not block other commands.
#[test]
fn waiting_put_does_not_block_others() {
    let store = Store::new();
    let content = numbers(MAX_PAYLOAD + 7);
    for (key, content) in [("small", &content[..10]), ("large", &content[..])] {
        let mut put = store.start(&["put", "-", key]);
        let mut input = stdin(&mut put);
        input.write_all(&content[..5]).unwrap();
        assert_eq!(store.text(&["--wait", "0", "ls", key]), "");
        input.write_all(&content[5..]).unwrap();
        drop(input);
        assert!(put.wait_with_output().unwrap().status.success());
        assert!(store.run(&["get", key]) == content);
    }
}

/// Ctrl-C during a stream leaves no object and no upload. While the pipe is silent, other commands use the store.
#[test]
fn an_interrupted_stream_leaves_nothing() {
    let store = Store::new();
    let mut put = store.start(&["put", "-", "key"]);
    let mut input = stdin(&mut put);
    input.write_all(&numbers(2 * MAX_PAYLOAD + 5)).unwrap();
    while store.text(&["uploads", "ls"]).is_empty() {}
    kill_process(Pid::from_child(&put), Signal::INT).unwrap();
    let output = put.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("nothing was stored"), "{said}");
    drop(input);
    assert_eq!(store.text(&["ls"]), "");
    assert_eq!(store.text(&["uploads", "ls"]), "");
}

/// Sixty puts, twenty of them concurrent, are all stored.
#[test]
fn sixty_puts_with_twenty_concurrent_are_all_stored() {
    const PUTS: usize = 60;
    const CONCURRENT: usize = 20;
    let store = Store::new();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..CONCURRENT {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= PUTS {
                        return;
                    }
                    let (key, value) = (format!("key {number}"), format!("value {number}"));
                    // The total time depends on the machine.
                    store.run_with_input(&["--wait", "600", "put", "-", &key], value.as_bytes());
                }
            });
        }
    });
    let values = store.with_host(|host, owner| {
        let key = |number: usize| format!("key {number}");
        let keys: Vec<_> = (0..PUTS).map(key).collect();
        let reply = host.query(owner, "get_many", candid::encode_one(keys).unwrap()).unwrap();
        candid::decode_one::<stable_storage_api::Result<Vec<Option<ByteBuf>>>>(&reply.bytes).unwrap().unwrap()
    });
    for (number, value) in values.into_iter().enumerate() {
        assert_eq!(value.unwrap(), format!("value {number}").as_bytes());
    }
}

/// Slow lines are appended while the command waits for more, and others can read them.
#[test]
fn slow_lines_are_appended_while_waiting() {
    let store = Store::new();
    let mut append = store.start(&["log", "append", "-"]);
    let mut input = stdin(&mut append);
    for line in ["one", "two"] {
        writeln!(input, "{line}").unwrap();
        while !store.text(&["log", "tail"]).ends_with(&format!("{line}\n")) {}
    }
    drop(input);
    let output = append.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stderr, b"appended 2 entries\n");
    assert_eq!(store.text(&["log", "tail"]), "one\ntwo\n");
}

/// Ctrl-C appends the complete lines that have been read.
#[test]
fn an_interrupted_append_stores_what_it_has_read() {
    let store = Store::new();
    let mut append = store.start(&["log", "append", "-"]);
    let mut input = stdin(&mut append);
    writeln!(input, "one").unwrap();
    while store.text(&["log", "tail"]).is_empty() {}
    input.write_all(b"two\nhalf").unwrap();
    kill_process(Pid::from_child(&append), Signal::INT).unwrap();
    let output = append.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("interrupted"), "{said}");
    // What was still in the pipe is lost; complete lines are in the log.
    let entries = store.text(&["log", "tail"]);
    assert!(["one\n", "one\ntwo\nhalf\n"].contains(&entries.as_str()), "{entries}");
    drop(input);
}

/// A slow reader does not block other commands, and gets all data.
#[test]
fn slow_reader_does_not_block_others() {
    let store = Store::new();
    let content = numbers(8 * MAX_PAYLOAD);
    store.run(&["put", &store.file("large", &content)]);
    for number in 0..40 {
        store.file(&format!("t/{number}{}", "x".repeat(200)), b"");
    }
    store.run(&["sync", "t", &"long/".repeat(100)]);
    store.run(&["put", "-", "other"]);
    for (command, args) in [("get", &["get", "large"][..]), ("ls", &["ls"])] {
        let expected = store.run(args);
        let mut child = store.start(args);
        let mut out = child.stdout.take().unwrap();
        let mut first = [0; 1];
        out.read_exact(&mut first).unwrap();
        // The pipe is full, and the command waits. If it had the store open, this one would wait for it.
        store.run(&["put", "-", "other"]);
        let mut rest = Vec::new();
        out.read_to_end(&mut rest).unwrap();
        assert!(expected[..1] == first && expected[1..] == rest, "{command}");
        assert!(child.wait().unwrap().success());
    }
}

/// Concurrent commands take turns, and none gives up.
#[test]
fn concurrent_commands_take_turns() {
    let store = Store::new();
    thread::scope(|scope| {
        for number in 0..10 {
            let store = &store;
            scope.spawn(move || {
                for round in 0..2 {
                    store.run_with_input(&["put", "-", &format!("{number}/{round}")], b"value");
                }
            });
        }
    });
    assert_eq!(store.text(&["ls", "-r"]).lines().count(), 20);
}

/// A waiting command prints a note and gives up after --wait; `log tail -f` waits without limit.
#[test]
fn waiting_is_announced() {
    let store = Store::new();
    store.run(&["log", "append", "before"]);
    let mut follow = store.start(&["log", "tail", "-f"]);
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "before");
    let said = store.with_host(|_, _| {
        let said = store.fail(1, &["--wait", "0", "ls"]);
        assert!(said.contains("is in use") && said.contains("--wait"), "{said}");
        let waited = output(store.command(&["--wait", "2s", "ls"]), b"");
        String::from_utf8(waited.stderr).unwrap()
    });
    assert!(said.starts_with("waiting for another command") && said.contains("is in use"), "{said}");
    store.run(&["log", "append", "after"]);
    assert_eq!(lines.next().unwrap().unwrap(), "after");
    follow.kill().unwrap();
    follow.wait().unwrap();
}
