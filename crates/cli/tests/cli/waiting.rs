//! Commands that wait for their user, and others that use the store meanwhile.

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
    /// Starts a command whose input and output are in the test's hands.
    fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

fn stdin(child: &mut Child) -> ChildStdin {
    child.stdin.take().unwrap()
}

/// A put that waits for its input keeps no other command from the store: none of them waits for it.
#[test]
fn a_put_that_waits_for_its_input_holds_nothing() {
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

/// Ctrl-C while a pipe is streamed leaves nothing: no object, and no upload. While the pipe is silent, others use the store.
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

/// Of sixty puts, twenty at the same time, all are stored: each has its turn.
#[test]
fn sixty_puts_with_twenty_at_once_are_all_stored() {
    const PUTS: usize = 60;
    const AT_ONCE: usize = 20;
    let store = Store::new();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= PUTS {
                        return;
                    }
                    let (key, value) = (format!("key {number}"), format!("value {number}"));
                    // How long it takes until all have had their turns is a matter of the machine.
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

/// Lines that come slowly are in the log while the command that appends them still waits for more, and others can read
/// them there.
#[test]
fn lines_that_come_slowly_are_appended_meanwhile() {
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

/// Ctrl-C stores what has been read, up to the line that has no end yet.
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
    // What was still in the pipe is nobody's; what was read from it is in the log.
    let entries = store.text(&["log", "tail"]);
    assert!(["one\n", "one\ntwo\nhalf\n"].contains(&entries.as_str()), "{entries}");
    drop(input);
}

/// A reader who takes his time keeps no other command from the store, and gets everything all the same.
#[test]
fn a_reader_that_takes_his_time_holds_nothing() {
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
        // The pipe is full, and the command waits; while it has the store, this one waits for it.
        store.run(&["put", "-", "other"]);
        let mut rest = Vec::new();
        out.read_to_end(&mut rest).unwrap();
        assert!(expected[..1] == first && expected[1..] == rest, "{command}");
        assert!(child.wait().unwrap().success());
    }
}

/// Many commands at once have their turns one after the other, and none gives up.
#[test]
fn many_commands_at_once_wait_for_each_other() {
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

/// Whoever waits says so, and gives up when he was told to; whoever follows the log has all the time there is.
#[test]
fn whoever_waits_says_so() {
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
