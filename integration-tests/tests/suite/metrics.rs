//! The status, and the metrics for Prometheus over HTTP.

use candid::Principal;
use integration_tests::{Harness, stranger};
use prometheus_parse::{Sample, Scrape, Value};
use stable_storage_api::{HttpRequest, HttpResponse, Role};
use storage_client::Transport;

async fn get(harness: &Harness, url: &str) -> HttpResponse {
    harness.client_as(Principal::anonymous()).http_request(&HttpRequest::get(url)).await.unwrap()
}

fn header<'a>(response: &'a HttpResponse, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|header| header.0 == name).map(|header| header.1.as_str())
}

fn body(response: &HttpResponse) -> String {
    String::from_utf8(response.body.to_vec()).unwrap()
}

fn number(sample: &Sample) -> f64 {
    match sample.value {
        Value::Counter(number) | Value::Gauge(number) => number,
        ref other => panic!("{} is neither a counter nor a gauge: {other:?}", sample.metric),
    }
}

/// The metrics equal the status, and everyone may read them.
#[tokio::test]
async fn the_metrics_say_what_the_status_says() {
    let harness = Harness::start().await;
    let client = harness.client();
    client.put("key", &[1; 100_000]).await.unwrap();
    client.put("other", b"small").await.unwrap();
    client.delete("other").await.unwrap();
    client.log("entry").await.unwrap();
    client.region_new().await.unwrap();
    client.set_role(stranger(), Some(Role::Reader)).await.unwrap();
    client.rename("nothing", "key").await.unwrap_err();

    let response = get(&harness, "/metrics").await;
    assert_eq!(response.status_code, 200);
    assert_eq!(header(&response, "content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = body(&response);
    let scrape = Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let value = |name: &str, label: Option<(&str, &str)>| {
        let has = |sample: &&Sample| {
            sample.metric == name && label.is_none_or(|(name, value)| sample.labels.get(name) == Some(value))
        };
        scrape.samples.iter().find(has).map(number)
    };
    let status = client.status().await.unwrap();
    for (name, expected) in [
        ("storage_objects", status.objects),
        ("storage_object_bytes", status.object_bytes),
        ("storage_log_entries", 1),
        ("storage_regions", 1),
        ("storage_roles", 1),
        ("storage_revisions_total", status.revision),
        ("storage_capacity_bytes", status.capacity_bytes),
        ("storage_stable_memory_bytes", status.stable_bytes),
        ("storage_storable_bytes", status.storable_bytes),
        ("storage_arena_used_bytes", status.arena.used_bytes),
        ("storage_upgrades_total", 0),
        ("storage_open_instructions", status.upgrades.open_instructions),
    ] {
        assert_eq!(value(name, None), Some(expected as f64), "{name}");
    }
    assert_eq!(value("storage_operations_total", Some(("method", "put"))), Some(2.0));
    assert_eq!(value("storage_operations_total", Some(("method", "delete"))), Some(1.0));
    assert_eq!(value("storage_refusals_total", Some(("error", "NotFound"))), Some(1.0));
    assert_eq!(value("storage_store_bytes", Some(("store", "arena"))), Some(status.stores.arena as f64));
    assert_eq!(
        (value("storage_store_bytes", Some(("store", "hash_tree"))), status.stores.certified),
        (Some(0.0), None)
    );
    assert_eq!(value("storage_build_info", Some(("version", &status.version))), Some(1.0));
    for secret in [stranger().to_text(), "entry".into(), "\"key\"".into()] {
        assert!(!text.contains(&secret), "the metrics show {secret}");
    }
}

/// The rules of promtool: every metric has one help and one type before its samples, counters and only they end with _total,
/// units are base units, and no sample occurs twice.
#[tokio::test]
async fn the_metrics_keep_the_rules_of_prometheus() {
    let harness = Harness::start().await;
    harness.client().put("key", b"value").await.unwrap();
    let text = body(&get(&harness, "/metrics").await);
    assert!(text.ends_with('\n'), "the last line ends");
    let mut samples = std::collections::BTreeSet::new();
    let mut current = None;
    let mut names = std::collections::BTreeSet::new();
    for line in text.lines() {
        let words: Vec<_> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "HELP", name, help] => {
                assert!(names.insert(name.to_owned()), "{name} is there twice");
                assert!(!help.is_empty());
                current = Some((name, None));
            }
            ["#", "TYPE", name, kind] => {
                assert_eq!(current, Some((name, None)), "the help of {name} comes first");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
                current = Some((name, Some(kind)));
            }
            _ => {
                let (id, rest) = line.rsplit_once("} ").or_else(|| line.split_once(' ')).unwrap();
                let name = id.split('{').next().unwrap();
                assert!(matches!(current, Some((of, Some(_))) if of == name), "{line} has no type");
                assert!(samples.insert(id.to_owned()), "{id} is there twice");
                let value = rest.split(' ').next().unwrap();
                assert!(value.parse::<f64>().is_ok(), "{line}");
            }
        }
    }
    assert!(samples.len() > 30, "{} samples", samples.len());
    for name in names {
        assert!(
            name.starts_with("storage_") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
            "{name}"
        );
        for unit in ["_kib", "_mib", "_gib", "_ms", "_ns", "_percent"] {
            assert!(!name.contains(unit), "{name} is not in a base unit");
        }
    }
}

/// HEAD returns what GET would, without the body; other methods and paths get their status codes.
#[tokio::test]
async fn other_requests_are_answered_with_their_status() {
    let harness = Harness::start().await;
    let client = harness.client_as(Principal::anonymous());
    let head = HttpRequest { method: "HEAD".into(), ..HttpRequest::get("/metrics?from=head#x") };
    let head = client.http_request(&head).await.unwrap();
    assert_eq!((head.status_code, head.body.len()), (200, 0));
    assert!(header(&head, "content-length").unwrap().parse::<u64>().unwrap() > 1_000);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "get", "X"] {
        let request = HttpRequest { method: method.into(), ..HttpRequest::get("/metrics") };
        let response = client.http_request(&request).await.unwrap();
        assert_eq!(response.status_code, 405, "{method}");
        assert_eq!(header(&response, "allow"), Some("GET, HEAD"));
    }
    let long = "/".repeat(100_000);
    for url in [
        "",
        "/",
        "/metric",
        "/metrics/",
        "//metrics",
        "/%6Detrics",
        "/..%2fmetrics",
        "/metrics%00",
        "\u{0}é",
        &long,
    ] {
        let response = get(&harness, url).await;
        assert_eq!(response.status_code, 404, "{url:?}");
    }
}

/// Large headers and bodies are accepted, and an invalid argument gets a response as well.
#[tokio::test]
async fn no_request_traps() {
    let harness = Harness::start().await;
    let client = harness.client_as(Principal::anonymous());
    let headers = (0..100).map(|number| (format!("x-{number}"), "v".repeat(1_000))).collect();
    let request = HttpRequest { headers, body: vec![0; 500_000].into(), ..HttpRequest::get("/metrics") };
    assert_eq!(client.http_request(&request).await.unwrap().status_code, 200);
    let many = HttpRequest {
        headers: vec![(String::new(), String::new()); 500_000],
        ..HttpRequest::get("/metrics")
    };
    let status = client.http_request(&many).await.unwrap().status_code;
    assert!(status == 200 || status == 400, "{status}");

    let transport = harness.transport(Principal::anonymous());
    // A vector of 2^32 nulls takes five bytes.
    let bomb = b"DIDL\x01\x6d\x7f\x01\x00\x80\x80\x80\x80\x10".to_vec();
    for bytes in [vec![], b"DIDL".to_vec(), vec![0xff; 1_000], candid::encode_args((1u8,)).unwrap(), bomb] {
        let reply = transport.query("http_request", bytes).await.unwrap();
        let (response,): (HttpResponse,) = candid::decode_args(&reply).unwrap();
        assert_eq!(response.status_code, 400);
    }
}

/// Counters survive an upgrade, and one that skips pre_upgrade resets them to the upgrade before.
#[tokio::test]
async fn operations_are_counted_for_life() {
    let harness = Harness::start().await;
    let client = harness.client();
    let puts = async || {
        let operations = client.status().await.unwrap().operations;
        operations.iter().find(|count| count.name == "put").map(|count| count.count)
    };
    assert_eq!(puts().await, None);
    client.put("a", b"").await.unwrap();
    client.put("b", b"").await.unwrap();
    harness.upgrade().await;
    client.put("c", b"").await.unwrap();
    assert_eq!(puts().await, Some(3));
    assert!(client.status().await.unwrap().upgrades.last_was_sealed);
    harness.upgrade_skipping_pre_upgrade().await;
    assert_eq!(puts().await, Some(2));
    assert!(!client.status().await.unwrap().upgrades.last_was_sealed);
    assert_eq!(client.list_all("").await.unwrap().len(), 3);
}
