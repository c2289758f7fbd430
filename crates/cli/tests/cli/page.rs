//! The page of `storage serve`: what a browser gets for each address.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Stdio},
};

use crate::harness::Store;

/// A store that is served until the end of the test.
struct Served {
    server: Child,
    address: String,
    canister: String,
    _store: Store,
}

impl Served {
    fn new() -> Self {
        let store = Store::new();
        let mut server = store
            .command(&["--json", "serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let endpoint: serde_json::Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| endpoint[name].as_str().unwrap().to_owned();
        let address = text("url").strip_prefix("http://").unwrap().to_owned();
        Self { server, address, canister: text("canister"), _store: store }
    }

    /// Sends a request as it is, and gives the head of the answer in lower case, and its body.
    fn ask(&self, request: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "{request}\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        (String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase(), answer[end + 4..].to_vec())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The value of a header in the head of an answer.
fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {head}"))
}

#[test]
fn the_page_is_served_with_its_types_its_policy_and_the_canister() {
    let served = Served::new();
    let files = [
        ("/", "text/html; charset=utf-8", &include_bytes!("../../page/index.html")[..]),
        ("/index.js", "text/javascript; charset=utf-8", include_bytes!("../../page/index.js")),
        ("/index.css", "text/css; charset=utf-8", include_bytes!("../../page/index.css")),
        ("/worker.js", "text/javascript; charset=utf-8", include_bytes!("../../page/worker.js")),
        ("/licenses.md", "text/plain; charset=utf-8", include_bytes!("../../page/licenses.md")),
        ("/icon.svg", "image/svg+xml", include_bytes!("../../page/icon.svg")),
    ];
    for (path, content_type, bytes) in files {
        let (head, body) = served.ask(&format!("GET {path} HTTP/1.1"));
        assert!(head.starts_with("http/1.1 200") && body == bytes, "{path}: {head}");
        assert_eq!(header(&head, "content-type"), content_type);
        assert_eq!(header(&head, "cache-control"), "no-cache");
        assert_eq!(header(&head, "x-content-type-options"), "nosniff");
        assert!(
            header(&head, "content-security-policy").starts_with("default-src 'none'; script-src 'self';")
        );
        let tag = header(&head, "etag");
        let (head, body) = served.ask(&format!("GET {path} HTTP/1.1\r\nIf-None-Match: \"x\", {tag}"));
        assert!(head.starts_with("http/1.1 304") && body.is_empty(), "{path}: {head}");
        let (head, body) = served.ask(&format!("HEAD {path} HTTP/1.1"));
        assert!(head.starts_with("http/1.1 200") && body.is_empty(), "{path}: {head}");
        assert_eq!(header(&head, "content-length"), bytes.len().to_string());
    }
    let (head, body) = served.ask("GET /storage.json HTTP/1.1");
    assert_eq!(header(&head, "content-type"), "application/json");
    assert_eq!(body, format!("{{\"canister\":\"{}\"}}", served.canister).into_bytes());
}

#[test]
fn a_path_of_a_request_never_leads_to_another_file() {
    let served = Served::new();
    for path in [
        "/../Cargo.toml",
        "/..%2fCargo.toml",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/index.js/../../Cargo.toml",
        "//etc/passwd",
        "/index.html",
        "/media/x",
        "/INDEX.JS",
        "/index.js%00",
    ] {
        let (head, _) = served.ask(&format!("GET {path} HTTP/1.1"));
        assert!(head.starts_with("http/1.1 404"), "{path}: {head}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        let (head, _) = served.ask(&format!("{method} / HTTP/1.1\r\nContent-Length: 0"));
        assert!(head.starts_with("http/1.1 405"), "{method}: {head}");
    }
}
