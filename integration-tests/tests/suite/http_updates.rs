//! The cost of `http_request_update`, the only update that everyone may send at the canister's cost. This runs on the
//! embedded host, whichever replica the suite runs on, because it counts the instructions of a message.

use candid::Principal;
use embedded_ic::{Config, EmbeddedIc, UpgradeOptions};
use integration_tests::{controller, init_args};
use serde_bytes::ByteBuf;
use stable_storage_api::limits::{
    HTTP_PIECE_BYTES, MAX_SITE_HEADER_BYTES, MAX_SITE_HEADERS, MAX_SITE_PATH_BYTES, MAX_SITES,
};
use stable_storage_api::{HttpRequest, HttpResponse, PutArgs, Site};
use storage_wasm::STORAGE_WASM;

/// docs/SECURITY.md, which states these bounds.
const SECURITY: &str = include_str!("../../../docs/SECURITY.md");

/// Most instructions of a request, 100 million of them for a reply of 30 pages of 64 KiB.
const MAX_INSTRUCTIONS: u64 = 150_000_000;

/// The same of the first request after an upgrade, which reads the largest sites.
const MAX_FIRST_INSTRUCTIONS: u64 = 250_000_000;

/// The longest argument that `inspect_message` accepts.
const MAX_ARGUMENT_BYTES: usize = 65_536;

/// Returns the site with this number: of the largest size, with a path that differs from the others at its end.
fn site(number: u64) -> Site {
    let path = format!("/{:s>1$}/", number, MAX_SITE_PATH_BYTES as usize - 2);
    let value = "v".repeat((MAX_SITE_HEADER_BYTES / MAX_SITE_HEADERS) as usize - "x-00".len());
    let headers = (0..MAX_SITE_HEADERS).map(|header| (format!("x-{header:02}"), value.clone()));
    Site {
        path: Some(path),
        headers: headers.collect(),
        cors: Some("*".into()),
        cache_control: Some("c".repeat(255)),
        single_page: Some("page.html".into()),
        certified: number.is_multiple_of(10),
        ..Site::new(format!("{number}/"))
    }
}

/// A canister with the maximum of sites, of which the last one has a document that fills a reply.
fn with_sites() -> EmbeddedIc {
    let mut ic = EmbeddedIc::new(Config::default().with_controllers(vec![controller()])).unwrap();
    ic.install(STORAGE_WASM, &init_args(None)).unwrap();
    let mut change = |method: &str, args: Vec<u8>| {
        let reply = ic.update(controller(), method, &args).unwrap();
        candid::decode_one::<stable_storage_api::Result<candid::Reserved>>(&reply.bytes).unwrap().unwrap();
    };
    for number in 0..MAX_SITES {
        change("set_site", candid::encode_one(site(number)).unwrap());
    }
    let last = MAX_SITES - 10;
    for name in ["page.html", "page.html.br", "page.html.gz", "a/index.html"] {
        let put = PutArgs {
            content_type: Some("text/html".into()),
            ..PutArgs::new(format!("{last}/{name}"), vec![7; HTTP_PIECE_BYTES as usize])
        };
        change("put_with", candid::encode_one(put).unwrap());
    }
    ic
}

/// Requests that take the most work of each kind: bytes to decode, headers, lists in headers, escapes and segments of the URL,
/// and long responses.
fn requests() -> Vec<(&'static str, HttpRequest)> {
    let base = site(MAX_SITES - 10).url_path();
    let get = |name: &str| HttpRequest::get(format!("{base}{name}"));
    let rest = MAX_ARGUMENT_BYTES - 9_500;
    let with =
        |name: &str, value: String| HttpRequest { headers: vec![(name.into(), value)], ..get("page.html") };
    let fill = |item: &str| item.repeat(rest / item.len());
    let many = |name: &str, value: &str| HttpRequest {
        headers: vec![(name.into(), value.into()); rest / (name.len() + value.len() + 2)],
        ..get("page.html")
    };
    let url =
        |part: &str| HttpRequest::get(format!("{base}{}", part.repeat((8_192 - base.len()) / part.len())));
    vec![
        ("a long response", get("page.html")),
        ("the document for other paths", get("none")),
        ("a folder", get("a/")),
        ("a folder without its slash", get("a")),
        ("HEAD", HttpRequest { method: "HEAD".into(), ..get("page.html") }),
        ("POST", HttpRequest { method: "POST".into(), body: ByteBuf::from(fill("b")), ..get("page.html") }),
        ("a body", HttpRequest { body: ByteBuf::from(fill("b")), ..get("page.html") }),
        ("a range", with("range", "bytes=1-".into())),
        ("a range of many digits", with("range", format!("bytes={}-", fill("0")))),
        ("many ranges", with("range", format!("bytes={}", fill("0-1,")))),
        ("many entity tags", with("if-none-match", fill("\"\","))),
        ("many entity tags to match", with("if-match", format!("*,{}", fill("W/\"\",")))),
        ("one long entity tag", with("if-none-match", format!("\"{}\"", fill("a")))),
        ("spaces before an entity tag", with("if-none-match", fill(" "))),
        ("many codings", with("accept-encoding", fill("a,"))),
        ("many weights", with("accept-encoding", fill("x;q=0.1,"))),
        ("a long weight", with("accept-encoding", format!("br;q=0.{}", fill("0")))),
        ("many parameters", with("accept-encoding", fill("br;"))),
        ("an empty header, often", many("", "")),
        ("an entity tag, often", many("if-none-match", "\"\"")),
        ("a coding, often", many("accept-encoding", "br;q=2")),
        ("a range, often", many("range", "bytes=0-")),
        ("many escapes", url("%61")),
        ("many escapes of two bytes", url("%C3%A9")),
        ("many segments", url("a/")),
        ("many empty segments", url("/")),
        ("a segment that is refused", url("a/../")),
        ("a URL that is too long", HttpRequest::get(fill("/a"))),
        ("no site", HttpRequest::get("/elsewhere")),
        ("almost a site", HttpRequest::get(&base[..base.len() - 2])),
        ("the metrics", HttpRequest::get("/metrics")),
        ("no method", HttpRequest::default()),
    ]
}

/// Everyone can make the canister execute this message, so each costs a bounded number of instructions, with as many sites as
/// possible and the longest paths and headers; also the first message after an upgrade.
#[test]
fn an_http_request_as_an_update_costs_a_bounded_number_of_instructions() {
    for stated in ["at most 150 million instructions", "at most 250 million for the first after an upgrade"] {
        assert!(SECURITY.contains(stated), "docs/SECURITY.md states another bound than {stated}");
    }
    let mut ic = with_sites();
    let mut most = (0, "");
    for (name, request) in requests() {
        let args = candid::encode_one(&request).unwrap();
        assert!(args.len() <= MAX_ARGUMENT_BYTES, "{name}: {} bytes", args.len());
        let reply = ic.update(Principal::anonymous(), "http_request_update", &args).unwrap();
        let response: HttpResponse = candid::decode_one(&reply.bytes).unwrap();
        println!(
            "{name}: {} with {} bytes, {} instructions",
            response.status_code,
            response.body.len(),
            reply.instructions
        );
        assert!(reply.instructions <= MAX_INSTRUCTIONS, "{name}: {} instructions", reply.instructions);
        most = most.max((reply.instructions, name));
    }
    println!("the dearest: {most:?}");
    assert!(most.0 > 50 * HTTP_PIECE_BYTES, "no response was long: {most:?}");

    ic.upgrade(STORAGE_WASM, &init_args(None), UpgradeOptions { skip_pre_upgrade: false }).unwrap();
    let args = candid::encode_one(&requests()[0].1).unwrap();
    let first = ic.update(Principal::anonymous(), "http_request_update", &args).unwrap().instructions;
    println!("the first after an upgrade: {first} instructions");
    assert!(first <= MAX_FIRST_INSTRUCTIONS, "{first} instructions");
}
