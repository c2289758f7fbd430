//! Folders published as web sites, and what a browser gets of them.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::ffi::OsStrExt,
    process::{Child, ChildStdout, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{
    harness::{MAX_PAYLOAD, Store, numbers},
    serve::Served,
    sites::get,
};

/// Text that is worth compressing.
fn script() -> Vec<u8> {
    "console.log('the same line again');\n".repeat(100).into_bytes()
}

/// Creates a folder with a page, a script, a style and a large file in it.
fn folder(store: &Store) {
    store.file("dist/index.html", b"<p>start</p>");
    store.file("dist/404.html", b"<p>nothing</p>");
    store.file("dist/assets/app.js", &script());
    store.file("dist/assets/style.css", b"p {}");
    store.file("dist/video.mp4", &numbers(MAX_PAYLOAD + 1_000_000));
    store.file("dist/.env", b"secret");
    store.file("dist/.well-known/ic-domains", b"example.com");
}

/// Runs a command on the served store, and returns its JSON.
fn json_of(served: &Served<'_>, args: &[&str]) -> Value {
    serde_json::from_slice(&served.run(&[&["--json"], args].concat(), b"")).unwrap()
}

/// All files are stored with their types, the site is declared and certified, and the URL shows it.
#[test]
fn a_folder_becomes_a_site() {
    let store = Store::new();
    folder(&store);
    let served = Served::to_controller(&store);
    let printed = String::from_utf8(served.run(&["publish", "dist"], b"")).unwrap();
    let url = format!("http://{}.localhost:{}/", served.canister, served.url.rsplit_once(':').unwrap().1);
    let expected = [
        "stored   www/.well-known/ic-domains",
        "stored   www/404.html",
        "stored   www/assets/app.js",
        "stored   www/assets/style.css",
        "stored   www/index.html",
        "stored   www/video.mp4",
        &url,
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
    let revision = |name: &str| json_of(&served, &["stat", name])["revision"].as_u64().unwrap();
    for name in ["www/assets/app.js", "www/video.mp4"] {
        assert!(revision(name) < revision("www/404.html"), "pages come last");
    }
    for (path, file, content_type) in [
        ("/", "index.html", "text/html"),
        ("/assets/app.js", "assets/app.js", "text/javascript"),
        ("/assets/style.css", "assets/style.css", "text/css"),
        ("/video.mp4", "video.mp4", "video/mp4"),
        ("/.well-known/ic-domains", ".well-known/ic-domains", "application/octet-stream"),
    ] {
        let answer = get(&served, path, &[]);
        answer.expect(200, &fs::read(store.path("dist").join(file)).unwrap());
        assert_eq!(answer.header("content-type"), Some(content_type), "{path}");
    }
    get(&served, "/absent", &[]).expect(404, b"<p>nothing</p>");
    assert_eq!(get(&served, "/.env", &[]).status, 404);
    assert!(served.run(&["ls", "www/.env"], b"").is_empty());

    // Nothing is stored twice; with --quiet only the URL is printed.
    let report = json_of(&served, &["publish", "dist"]);
    assert_eq!(
        (&report["stored"], &report["unchanged"], &report["certified"]),
        (&json!([]), &json!(6), &json!(0))
    );
    assert_eq!((&report["url"], &report["path"]), (&json!(url), &json!("/")));
    assert_eq!(served.run(&["--quiet", "publish", "dist"], b""), format!("{url}\n").as_bytes());
}

/// A changed file replaces its object; one that is gone is removed with --delete, last.
#[test]
fn a_folder_is_published_again() {
    let store = Store::new();
    folder(&store);
    store.run(&["publish", "dist"]);
    store.file("dist/index.html", b"<p>START</p>");
    fs::remove_file(store.path("dist/assets/style.css")).unwrap();
    // A type that another program has set is corrected.
    store.run(&["put", "dist/404.html", "www/404.html", "--type", "text/plain"]);
    let dry = store.json(&["publish", "--delete", "--dry-run", "dist"]);
    let report = store.json(&["publish", "--delete", "dist"]);
    assert_eq!(report["stored"], json!(["www/404.html", "www/index.html"]));
    assert_eq!(report["removed"], json!(["www/assets/style.css"]));
    assert_eq!((&dry["stored"], &dry["removed"]), (&report["stored"], &report["removed"]));
    assert_eq!((&report["url"], &report["dry_run"]), (&Value::Null, &json!(false)));
    let served = Served::start(&store, &[]);
    get(&served, "/", &[]).expect(200, b"<p>START</p>");
    assert_eq!(get(&served, "/assets/style.css", &[]).status, 404);
}

/// Compressed variants are stored beside a file, served to clients that accept them, and compressed again only for a new file.
#[test]
fn compressed_variants_are_published() {
    let store = Store::new();
    folder(&store);
    let served = Served::to_controller(&store);
    let args = ["publish", "--compress", "gzip,brotli", "dist"];
    let report = json_of(&served, &args);
    let stored: Vec<_> =
        report["stored"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
    let variants: Vec<_> = stored.iter().filter(|key| key.ends_with(".br") || key.ends_with(".gz")).collect();
    assert_eq!(variants, [&"www/assets/app.js.br", &"www/assets/app.js.gz"]);
    let ask = |accepted: &str| get(&served, "/assets/app.js", &[("accept-encoding", accepted)]);
    for (accepted, coding) in
        [("br, gzip", Some("br")), ("gzip", Some("gzip")), ("gzip;q=0, br;q=0", None), ("identity", None)]
    {
        let answer = ask(accepted);
        assert_eq!((answer.status, answer.header("content-encoding")), (200, coding), "{accepted}");
        let body = match coding {
            Some("gzip") => {
                let mut decoded = Vec::new();
                flate2::read::GzDecoder::new(&*answer.body).read_to_end(&mut decoded).unwrap();
                decoded
            }
            Some(_) => continue,
            None => answer.body,
        };
        assert!(body == script(), "{accepted}");
    }
    let again = json_of(&served, &args);
    assert_eq!((&again["stored"], &again["unchanged"]), (&json!([]), &json!(8)));
    assert_eq!(json_of(&served, &[&args[..], &["--delete"]].concat())["removed"], json!([]));

    // The script is replaced by a command that knows nothing of variants: none of the old one is served.
    served.run(&["put", "-", "www/assets/app.js", "--type", "text/javascript"], b"new");
    ask("br, gzip").expect(200, b"new");
    // Published again, the folder wins, with its variants.
    assert_eq!(json_of(&served, &args)["stored"], json!(["www/assets/app.js"]));
    assert_eq!(ask("br").header("content-encoding"), Some("br"));
    // Without --compress, --delete removes the variants.
    let report = json_of(&served, &["publish", "--delete", "dist"]);
    assert_eq!(report["removed"], json!(["www/assets/app.js.br", "www/assets/app.js.gz"]));
}

/// Variants that a build has written beside its files are variants of the site.
#[test]
fn variants_of_a_build_are_published() {
    let store = Store::new();
    store.file("dist/index.html", b"<p>start</p>");
    store.file("dist/app.js", b"plain");
    store.file("dist/app.js.br", b"any bytes");
    store.file("dist/alone.gz", b"an archive");
    store.run(&["publish", "--compress", "brotli", "dist"]);
    let stat = store.json(&["stat", "www/app.js.br"]);
    assert_eq!((&stat["content_encoding"], &stat["content_type"]), (&json!("br"), &json!("text/javascript")));
    assert_eq!(store.json(&["stat", "www/alone.gz"])["content_encoding"], Value::Null);
    assert_eq!(store.json(&["publish", "dist"])["unchanged"], 4);
    let served = Served::start(&store, &[]);
    let answer = get(&served, "/app.js", &[("accept-encoding", "br")]);
    answer.expect(200, b"any bytes");
    assert_eq!(answer.header("content-encoding"), Some("br"));
}

/// Options of the site are kept until they are given again, and mistakes are found before anything is stored.
#[test]
fn options_declare_the_site() {
    let store = Store::new();
    folder(&store);
    let said = store.fail(1, &["publish", "dist", "--not-found", "no.html"]);
    assert!(said.contains("no.html") && said.contains("--not-found"), "{said}");
    let said = store.fail(1, &["publish", "dist", "--header", "transfer-encoding: chunked"]);
    assert!(said.contains("transfer-encoding"), "{said}");
    store.fail(1, &["publish", "dist", ""]);
    store.fail(2, &["publish", "dist", "--header", "no colon"]);
    assert_eq!(store.text(&["ls", "-r"]), "");

    let options = ["--single-page", "index.html", "--cache-control", "max-age=60", "--cors", "*"];
    store.run(&[&["publish", "dist", "--header", "x-frame-options: DENY"][..], &options].concat());
    store.run(&["publish", "dist", "--cors", ""]);
    store.file("docs/index.html", b"docs");
    let said = store.fail(1, &["publish", "docs", "docs"]);
    assert!(said.contains("\"www/\"") && said.contains("--path /docs/"), "{said}");
    let served = Served::start(&store, &[]);
    let route = get(&served, "/any/route", &[]);
    route.expect(200, b"<p>start</p>");
    assert_eq!(
        (route.header("cache-control"), route.header("x-frame-options")),
        (Some("max-age=60"), Some("deny"))
    );
    assert_eq!(route.header("access-control-allow-origin"), None);
}

/// Two sites, of which one is not certified.
#[test]
fn two_sites_have_two_paths() {
    let store = Store::new();
    store.file("one/index.html", b"one");
    store.file("two/index.html", b"two");
    store.run(&[
        "publish",
        "one",
        "one",
        "--path",
        "/1/",
        "--header",
        "x-a: b",
        "--single-page",
        "index.html",
    ]);
    store.run(&["publish", "two", "two", "--path", "", "--certified", "false"]);
    let served = Served::start(&store, &[]);
    get(&served, "/1/", &[]).expect(200, b"one");
    let fallback = get(&served, "/1/any/route", &[]);
    fallback.expect(200, b"one");
    assert_eq!(fallback.header("x-a"), Some("b"));
    get(&served, "/two/", &[]).expect(200, b"two");
}

/// A file that cannot be stored is reported, the others are published, and nothing is removed.
#[test]
fn one_bad_file_does_not_stop_the_others() {
    let store = Store::new();
    folder(&store);
    store.run_with_input(&["put", "-", "www/old"], b"old");
    fs::write(store.path("dist").join(OsStr::from_bytes(b"gr\xfc\xdfe")), b"not UTF-8").unwrap();
    let output = store.output(&["--json", "publish", "--delete", "dist"], b"");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(report["failed"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!((report["stored"].as_array().unwrap().len(), &report["removed"]), (6, &json!([])));
    assert_eq!(store.run(&["get", "www/old"]), b"old");
    let served = Served::start(&store, &[]);
    get(&served, "/", &[]).expect(200, b"<p>start</p>");
}

/// A command that watches a folder, until it is dropped.
struct Watching {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Watching {
    fn start(served: &Served<'_>, args: &[&str]) -> Self {
        let mut child = served.command(args).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// Waits until the folder has been published once more.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// With --watch, changes are published until Ctrl-C. Those that arrive while the folder is being emptied remove nothing.
#[test]
fn changes_are_published_until_ctrl_c() {
    let store = Store::new();
    folder(&store);
    let served = Served::to_controller(&store);
    let mut watching = Watching::start(&served, &["--json", "publish", "--watch", "--delete", "dist"]);
    assert_eq!(watching.next()["stored"].as_array().unwrap().len(), 6);
    store.file("dist/index.html", b"<p>changed</p>");
    assert_eq!(watching.next()["stored"], json!(["www/index.html"]));
    get(&served, "/", &[]).expect(200, b"<p>changed</p>");
    fs::remove_file(store.path("dist/assets/style.css")).unwrap();
    assert_eq!(watching.next()["removed"], json!(["www/assets/style.css"]));
    fs::remove_dir_all(store.path("dist")).unwrap();
    store.file("dist/new.txt", b"new");
    let report = watching.next();
    assert_eq!((&report["stored"], &report["removed"]), (&json!(["www/new.txt"]), &json!([])));
    kill_process(Pid::from_child(&watching.child), Signal::INT).unwrap();
    assert_eq!(watching.child.wait().unwrap().code(), Some(130));
}
