//! Tests of `storage serve`.

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Output, Stdio},
    thread,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{MAX_PAYLOAD, Store, numbers, output};

/// An Ed25519 key that only tests use.
const KEY: &[u8] = include_bytes!("keys/ed25519.pem");

/// A served store, until it is stopped or dropped.
pub(crate) struct Served<'a> {
    store: &'a Store,
    child: Option<Child>,
    pub(crate) url: String,
    pub(crate) canister: String,
    identity: String,
}

impl<'a> Served<'a> {
    /// Serves a store with these arguments.
    pub(crate) fn start(store: &'a Store, args: &[&str]) -> Self {
        let args = [&["--json", "serve", "--listen", "127.0.0.1:0"][..], args].concat();
        let mut command = store.command(&args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let endpoint: serde_json::Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| endpoint[name].as_str().unwrap().to_owned();
        let identity = store.file("identity.pem", KEY);
        assert_eq!(text("root_key").len(), 2 * 133);
        Self { store, child: Some(child), url: text("url"), canister: text("canister"), identity }
    }

    /// Serves a store with the tests' identity as a controller.
    pub(crate) fn to_controller(store: &'a Store) -> Self {
        let served = Self::start(store, &[]);
        let who = served.text(&["whoami"]);
        assert!(served.stop(Signal::TERM).status.success());
        Self::start(store, &["--controller", who.trim()])
    }

    /// Runs a command of the tests' identity against the canister.
    pub(crate) fn output(&self, args: &[&str], input: &[u8]) -> Output {
        output(self.command(args), input)
    }

    /// Returns a command of the tests' identity against the canister.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let place = ["--network", &self.url, "--canister", &self.canister, "--identity", &self.identity];
        self.store.bare(&[&place[..], args].concat())
    }

    pub(crate) fn run(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let output = self.output(args, input);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn text(&self, args: &[&str]) -> String {
        String::from_utf8(self.run(args, b"")).unwrap()
    }

    /// Sends a signal, and waits for the end.
    pub(crate) fn stop(mut self, signal: Signal) -> Output {
        let child = self.child.take().unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        child.wait_with_output().unwrap()
    }
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        // A test that fails leaves no server.
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Concurrent commands store and read small and large values, which are in the folder afterwards.
#[test]
fn concurrent_commands_use_a_served_store() {
    let store = Store::new();
    let served = Served::to_controller(&store);
    let large = numbers(2 * MAX_PAYLOAD + 1);
    thread::scope(|scope| {
        for number in 0..8 {
            let (served, large) = (&served, &large);
            scope.spawn(move || {
                served.run(&["put", "-", &format!("small/{number}")], number.to_string().as_bytes());
                served.run(&["put", "-", &format!("large/{number}")], large);
                assert!(served.run(&["get", &format!("large/{number}")], b"") == *large);
            });
        }
    });
    served.run(&["verify", "large/3"], b"");
    assert!(served.stop(Signal::TERM).status.success());
    assert_eq!(store.text(&["ls", "-r"]).lines().count(), 16);
    assert_eq!(store.run(&["get", "small/5"]), b"5");
}

/// Callers have the roles that were set in the folder, and no other rights.
#[test]
fn callers_have_the_roles_that_were_set_in_the_folder() {
    let store = Store::new();
    let served = Served::start(&store, &[]);
    let who = served.text(&["whoami"]);
    let refused = served.output(&["put", "-", "key"], b"value");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("lacks the role writer"), "{said}");
    served.stop(Signal::TERM);
    store.run(&["roles", "set", who.trim(), "writer"]);
    let served = Served::start(&store, &[]);
    served.run(&["put", "-", "key"], b"value");
    assert!(!served.output(&["roles", "rm", who.trim()], b"").status.success());
    served.stop(Signal::TERM);
    assert_eq!(store.run(&["get", "key"]), b"value");
}

/// A command on the folder of a served store fails with the command that works instead. A server that was killed or has
/// ended does not block the folder.
#[test]
fn commands_on_a_served_folder_name_the_url() {
    let store = Store::new();
    let served = Served::start(&store, &[]);
    for command in [&["ls"][..], &["check"], &["serve", "--listen", "127.0.0.1:0"]] {
        let said = store.fail(1, command);
        assert!(said.contains(&format!("is being served at {}", served.url)), "{said}");
        assert!(
            said.contains(&format!("storage --network {} --canister {}", served.url, served.canister)),
            "{said}"
        );
    }
    served.stop(Signal::KILL);
    assert_eq!(store.text(&["ls"]), "");
    let served = Served::start(&store, &[]);
    assert!(served.stop(Signal::INT).status.success());
    assert!(!store.path("store/served.json").exists());
    assert_eq!(store.text(&["ls"]), "");
}

/// The URL, the canister and a line for each kind of client are printed.
#[test]
fn serve_prints_a_line_for_each_client() {
    let store = Store::new();
    let mut child =
        store.command(&["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines: Vec<String> =
        BufReader::new(child.stdout.take().unwrap()).lines().take(8).map(Result::unwrap).collect();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    let text = lines.join("\n");
    for words in [
        "http://127.0.0.1:",
        "rwlgt-iiaaa-aaaaa-aaaaa-cai",
        "/api/v2/status",
        "HttpAgent.create",
        "icp canister call",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

/// An address in use is an error, and the folder is closed.
#[test]
fn an_address_in_use_is_an_error() {
    let store = Store::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let said = store.fail(1, &["serve", "--listen", &taken.local_addr().unwrap().to_string()]);
    assert!(said.contains("cannot listen on 127.0.0.1:") && said.contains("--listen"), "{said}");
    assert_eq!(store.text(&["ls"]), "");
}

/// The credentials of the tests of the S3 gateway.
const S3_KEYS: &[u8] =
    b"[[key]]\naccess_key = \"ONE\"\nsecret_key = \"0123456789abcdef\"\nrole = \"writer\"\n";

/// Returns the path of a file that only its owner can read.
fn secret(store: &Store, name: &str, content: &[u8]) -> String {
    let path = store.file(name, content);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// A store that is served with an S3 gateway, until it is stopped.
struct S3 {
    child: Child,
    address: String,
}

impl S3 {
    fn start(store: &Store, options: &[&str]) -> Self {
        let keys = secret(store, "s3.toml", S3_KEYS);
        let args =
            ["--json", "serve", "--listen", "127.0.0.1:0", "--s3", "127.0.0.1:0", "--s3-credentials", &keys];
        let args = [&args[..], options].concat();
        let mut child = store.command(&args).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let endpoint: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = endpoint["s3"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        Self { child, address }
    }

    /// Connects, and sends a request that is not signed.
    fn ask(&self) -> TcpStream {
        self.ask_for("localhost")
    }

    /// Connects, and sends a request to a host that is not signed.
    fn ask_for(&self, host: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(format!("GET /bucket HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes()).unwrap();
        stream
    }

    fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

/// Reads a refusal, up to its end.
fn refusal(stream: &mut TcpStream) -> String {
    let mut response = Vec::new();
    while !response.ends_with(b"</Error>") {
        let mut piece = [0; 1_024];
        let length = stream.read(&mut piece).unwrap();
        assert!(length > 0, "{}", String::from_utf8_lossy(&response));
        response.extend(&piece[..length]);
    }
    String::from_utf8(response).unwrap()
}

/// The gateway listens where the output says, refuses requests that are not signed, and ends with the server.
#[test]
fn s3_clients_are_served_beside_the_others() {
    let store = Store::new();
    let s3 = S3::start(&store, &[]);
    let address = s3.address.clone();
    let response = refusal(&mut s3.ask());
    assert!(response.starts_with("HTTP/1.1 403") && response.contains("AccessDenied"), "{response}");
    s3.stop();
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(store.text(&["ls"]), "");
}

/// At most 128 connections of S3 clients are served. Another one waits until one of them ends.
#[test]
fn connections_of_s3_clients_are_bounded() {
    let store = Store::new();
    let s3 = S3::start(&store, &[]);
    let mut open: Vec<_> = (0..128).map(|_| s3.ask()).collect();
    open.iter_mut().for_each(|stream| drop(refusal(stream)));
    let mut waiting = s3.ask();
    // The others are still served.
    for stream in &mut open {
        stream.write_all(b"GET /bucket HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        refusal(stream);
    }
    waiting.set_nonblocking(true).unwrap();
    assert_eq!(waiting.peek(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    waiting.set_nonblocking(false).unwrap();
    drop(open.pop());
    refusal(&mut waiting);
    s3.stop();
}

/// The gateway answers to its domains, and to no other name with dots.
#[test]
fn s3_domains_are_named() {
    let store = Store::new();
    let s3 = S3::start(&store, &["--s3-domain", "s3.example.com", "--s3-domain", "backup.local"]);
    for host in ["s3.example.com", "photos.s3.example.com:9000", "backup.local", "localhost"] {
        assert!(refusal(&mut s3.ask_for(host)).contains("AccessDenied"), "{host}");
    }
    let refused = refusal(&mut s3.ask_for("photos.example.com"));
    assert!(refused.contains("InvalidRequest") && refused.contains("--s3-domain"), "{refused}");
    s3.stop();
    let keys = secret(&store, "keys.toml", S3_KEYS);
    let args = ["serve", "--s3", "127.0.0.1:0", "--s3-credentials", &keys, "--s3-domain", "http://a.b"];
    let said = store.fail(1, &args);
    assert!(said.contains("--s3-domain") && said.contains("http://a.b"), "{said}");
}

/// A gateway without usable credentials is an error that says what they look like, before the store is opened.
#[test]
fn s3_needs_credentials() {
    let store = Store::new();
    let said = store.fail(2, &["serve", "--s3", "127.0.0.1:0"]);
    assert!(said.contains("--s3-credentials"), "{said}");
    let missing = ["serve", "--s3", "127.0.0.1:0", "--s3-credentials", "/no/such/file"];
    let said = store.fail(1, &missing);
    assert!(said.contains("/no/such/file") && said.contains("[[key]]"), "{said}");
    let short = secret(&store, "short.toml", &S3_KEYS[..S3_KEYS.len() - 20]);
    let said = store.fail(1, &["serve", "--s3", "127.0.0.1:0", "--s3-credentials", &short]);
    assert!(said.contains("[[key]]"), "{said}");
    let open = store.file("open.toml", S3_KEYS);
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).unwrap();
    let said = store.fail(1, &["serve", "--s3", "127.0.0.1:0", "--s3-credentials", &open]);
    assert!(said.contains("0644") && said.contains("chmod 600"), "{said}");
    let keys = secret(&store, "s3.toml", S3_KEYS);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let said =
        store.fail(1, &["serve", "--listen", "127.0.0.1:0", "--s3", &taken, "--s3-credentials", &keys]);
    assert!(said.contains("cannot listen on") && said.contains("--s3"), "{said}");
    assert_eq!(store.text(&["ls"]), "");
}
