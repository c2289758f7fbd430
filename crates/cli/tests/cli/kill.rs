//! Commands that are killed or interrupted, and how they are resumed.

use std::{fs, process::Command};

use rustix::process::Signal;

use crate::{
    harness::{MAX_PAYLOAD, Store, numbers, output},
    pty::Terminal,
};

/// Large enough that a command is still busy when its bar has moved.
const LARGE: usize = 128 << 20;

impl Store {
    /// Returns the identifier of the only open upload, of which some but not all bytes have been received.
    fn open_upload(&self) -> String {
        let uploads = self.json(&["uploads", "ls"]);
        assert_eq!(uploads.as_array().unwrap().len(), 1, "{uploads}");
        let received = uploads[0]["received"].as_u64().unwrap();
        assert!(received >= MAX_PAYLOAD as u64 && received < LARGE as u64, "{received}");
        uploads[0]["id"].to_string()
    }

    fn assert_complete(&self, content: &[u8]) {
        assert!(self.run(&["get", "large"]) == content);
        assert_eq!(self.text(&["uploads", "ls"]), "");
        assert!(self.text(&["check"]).contains("sound        yes"));
    }
}

/// After `kill -9` during an upload, the object is not visible, and the upload can be resumed by its identifier.
#[test]
fn a_killed_upload_is_resumed() {
    let store = Store::new();
    let content = numbers(LARGE);
    let file = store.file("large", &content);
    let mut terminal = Terminal::start(store.command(&["put", "large"]));
    terminal.wait_for_progress("storing");
    terminal.kill();
    assert_eq!(store.text(&["ls", "-r"]), "");
    let id = store.open_upload();
    store.run(&["uploads", "resume", &id, &file]);
    store.assert_complete(&content);
}

/// After `kill -9` during an upload, the same command resumes it.
#[test]
fn same_command_resumes_a_killed_upload() {
    let store = Store::new();
    let content = numbers(LARGE);
    store.file("large", &content);
    let mut terminal = Terminal::start(store.command(&["put", "large"]));
    terminal.wait_for_progress("storing");
    terminal.kill();
    let id = store.open_upload();
    let output = store.output(&["put", "large"], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains(&format!("resuming upload {id}\n")), "{said}");
    store.assert_complete(&content);
}

/// Ctrl-C leaves an upload that can be resumed, and prints how; the exit code is 130.
#[test]
fn interrupted_upload_says_how_to_resume() {
    let store = Store::new();
    let content = numbers(LARGE);
    let file = store.file("large", &content);
    let mut terminal = Terminal::start(store.command(&["put", "large"]));
    terminal.wait_for_progress("storing");
    terminal.interrupt();
    let (status, shown) = terminal.finish();
    assert_eq!(status.code(), Some(130), "{shown}");
    let id = store.open_upload();
    assert!(shown.contains("interrupted") && shown.contains(&format!("uploads resume {id}")), "{shown}");
    // A file of another size is rejected.
    let other = store.file("other", b"short");
    assert!(store.fail(1, &["uploads", "resume", &id, &other]).contains("is not the file of upload"));
    store.run(&["uploads", "resume", &id, &file]);
    store.assert_complete(&content);
}

/// After `kill -9` during a download, the file is unchanged. The next download is complete, and removes the temporary file of
/// the killed one, however young it is.
#[test]
fn a_killed_download_leaves_the_file_as_it_was() {
    let store = Store::new();
    let content = numbers(LARGE);
    store.run(&["put", &store.file("large", &content)]);
    store.file("back", b"as it was");
    let mut terminal = Terminal::start(store.command(&["get", "large", "back"]));
    terminal.wait_for_progress("reading");
    terminal.kill();
    assert_eq!(fs::read(store.path("back")).unwrap(), b"as it was");
    assert!(store.names().iter().any(|name| name.ends_with(".part")), "{:?}", store.names());
    store.run(&["get", "large", "back"]);
    assert!(fs::read(store.path("back")).unwrap() == content);
    assert_eq!(store.names(), ["back", "large", "store"]);
}

/// Ctrl-C during a download leaves no files.
#[test]
fn an_interrupted_download_leaves_nothing() {
    let store = Store::new();
    store.run(&["put", &store.file("large", &numbers(LARGE))]);
    let mut terminal = Terminal::start(store.command(&["get", "large", "back"]));
    terminal.wait_for_progress("reading");
    terminal.interrupt();
    let (status, shown) = terminal.finish();
    assert_eq!(status.code(), Some(130), "{shown}");
    assert_eq!(store.names(), ["large", "store"]);
}

/// SIGTERM and SIGHUP end a command like Ctrl-C, with the exit codes that a shell gives such a process.
#[test]
fn other_signals_leave_nothing() {
    let store = Store::new();
    store.run(&["put", &store.file("large", &numbers(LARGE)), "d/large"]);
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut terminal = Terminal::start(store.command(&["cp", "-r", "store:d", "back"]));
        terminal.wait_for_progress("fetching");
        terminal.send(signal);
        let (status, shown) = terminal.finish();
        assert_eq!(status.code(), Some(code), "{shown}");
        assert!(shown.contains("0 failed, 1 not done") && shown.contains("interrupted"), "{shown}");
        assert!(fs::read_dir(store.path("back")).unwrap().next().is_none());
    }
}

/// Under `nohup`, a command continues when its terminal is closed.
#[test]
fn an_ignored_signal_stays_ignored() {
    let store = Store::new();
    let content = numbers(LARGE);
    store.run(&["put", &store.file("large", &content)]);
    let get = store.command(&["get", "large", "back"]);
    let mut nohup = Command::new("sh");
    nohup.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(get.get_program()).args(get.get_args());
    nohup.current_dir(store.folder.path());
    for (name, value) in get.get_envs() {
        match value {
            Some(value) => nohup.env(name, value),
            None => nohup.env_remove(name),
        };
    }
    let mut terminal = Terminal::start(nohup);
    terminal.wait_for_progress("reading");
    terminal.send(Signal::HUP);
    let (status, shown) = terminal.finish();
    assert_eq!(status.code(), Some(0), "{shown}");
    assert!(fs::read(store.path("back")).unwrap() == content);
}

/// Creates a second store, which the settings call `backup`. Returns a function that runs a command on it.
fn second_of(store: &Store) -> impl Fn(&[&str]) -> String {
    store.file("storage.toml", b"[stores.backup]\nstore = 'second'\n");
    let second = |args: &[&str]| {
        let done = output(store.bare(&[&["--store", "second"], args].concat()), b"");
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    second(&["init"]);
    second
}

/// Ctrl-C during a copy to another store leaves neither an object nor an upload there.
#[test]
fn an_interrupted_copy_between_stores_leaves_nothing() {
    let store = Store::new();
    store.run(&["put", &store.file("large", &numbers(LARGE))]);
    let second = second_of(&store);
    let mut terminal = Terminal::start(store.command(&["cp", "store:large", "backup:"]));
    terminal.wait_for_progress("copying");
    terminal.interrupt();
    let (status, shown) = terminal.finish();
    assert_eq!(status.code(), Some(130), "{shown}");
    assert!(shown.contains("copied 0 objects") && shown.contains("interrupted"), "{shown}");
    assert_eq!((second(&["ls", "-r"]), second(&["uploads", "ls"])), (String::new(), String::new()));
    assert!(second(&["check"]).contains("sound        yes"));
    store.run(&["cp", "store:large", "backup:"]);
    assert_eq!(second(&["--bytes", "du"]), format!("{LARGE}  1 object  store:\n"));
}

/// After `kill -9` during a copy to another store, the same command resumes the upload.
#[test]
fn same_command_resumes_a_killed_copy_between_stores() {
    let store = Store::new();
    let content = numbers(LARGE);
    store.run(&["put", &store.file("large", &content)]);
    let second = second_of(&store);
    let mut terminal = Terminal::start(store.command(&["cp", "store:large", "backup:"]));
    terminal.wait_for_progress("copying");
    terminal.kill();
    let uploads: serde_json::Value = serde_json::from_str(&second(&["--json", "uploads", "ls"])).unwrap();
    assert_eq!(uploads.as_array().unwrap().len(), 1, "{uploads}");
    let received = uploads[0]["received"].as_u64().unwrap();
    assert!((1..LARGE as u64).contains(&received), "{received}");
    let output = store.output(&["cp", "store:large", "backup:"], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("resuming upload "), "{said}");
    assert_eq!(second(&["uploads", "ls"]), "");
    second(&["get", "large", "back"]);
    assert!(fs::read(store.path("back")).unwrap() == content);
}

/// Ctrl-C ends a copy from a named pipe that is silent, and the target is unchanged. A pipe with a writer is copied.
#[test]
fn a_silent_pipe_does_not_block_ctrl_c() {
    let here = Store::none();
    let pipe = here.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    here.file("copy", b"old");
    let terminal = Terminal::start(here.command(&["cp", "pipe", "copy"]));
    // This waits until the command reads.
    let writer = fs::File::options().write(true).open(&pipe).unwrap();
    terminal.interrupt();
    let (status, shown) = terminal.finish();
    drop(writer);
    assert_eq!(status.code(), Some(130), "{shown}");
    assert_eq!(
        (here.names(), fs::read(here.path("copy")).unwrap()),
        (vec!["copy".into(), "pipe".into()], b"old".into())
    );
    let content = numbers(MAX_PAYLOAD + 5);
    std::thread::scope(|scope| {
        scope.spawn(|| fs::write(&pipe, &content).unwrap());
        here.run(&["cp", "pipe", "copy"]);
    });
    assert!(fs::read(here.path("copy")).unwrap() == content);
}
