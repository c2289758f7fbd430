//! Prints what certification costs, in instructions of the whole message on the embedded host, and the sizes of witnesses.
//!
//! `scripts/bench-certified.sh` runs it beside a canister with ic-asset-certification.

use candid::utils::{ArgumentDecoder, ArgumentEncoder};
use candid::{CandidType, Reserved, decode_args, encode_args};
use embedded_ic::{CallError, Config, EmbeddedIc, Reply, UpgradeOptions};
use integration_tests::{controller, init_args};
use serde_bytes::Bytes;
use stable_storage_api::{
    CertifiedInfo, CertifiedLogPage, CertifiedPage, CertifyProgress, HttpRequest, HttpResponse, ListArgs,
    PutArgs, ReadLogArgs, Result, Site,
};
use storage_wasm::STORAGE_WASM;

/// Messages of which each figure is the mean.
const MESSAGES: u64 = 100;

/// Bytes of a value.
const VALUE: usize = 100;

/// Objects of a message that fills a store.
const BATCH: u64 = 1_000;

/// A canister whose messages are measured.
struct Measured<'a> {
    ic: EmbeddedIc,
    wasm: &'a [u8],
    init: Vec<u8>,
}

impl<'a> Measured<'a> {
    fn install(wasm: &'a [u8], init: Vec<u8>) -> Self {
        let mut ic = EmbeddedIc::new(Config::default().with_controllers(vec![controller()]))
            .expect("a host in memory starts");
        ic.install(wasm, &init).expect("the canister installs");
        Self { ic, wasm, init }
    }

    /// Sends an update, and returns its reply and its instructions.
    fn update<R: for<'r> ArgumentDecoder<'r>>(
        &mut self,
        method: &str,
        args: impl ArgumentEncoder,
    ) -> (R, u64) {
        let args = encode_args(args).expect("the arguments encode");
        answered(method, self.ic.update(controller(), method, &args))
    }

    /// Sends a query, and returns its reply and its instructions.
    fn query<R: for<'r> ArgumentDecoder<'r>>(
        &mut self,
        method: &str,
        args: impl ArgumentEncoder,
    ) -> (R, u64) {
        let args = encode_args(args).expect("the arguments encode");
        answered(method, self.ic.query(controller(), method, &args))
    }

    fn upgrade(&mut self) -> u64 {
        let upgraded = self.ic.upgrade(self.wasm, &self.init, UpgradeOptions { skip_pre_upgrade: false });
        upgraded.expect("the canister upgrades").instructions
    }

    /// Sends an update of the storage canister that must succeed.
    fn change(&mut self, method: &str, args: impl ArgumentEncoder) -> u64 {
        let ((result,), instructions) = self.update::<(Result<Reserved>,)>(method, args);
        result.unwrap_or_else(|error| panic!("{method}: {error}"));
        instructions
    }

    fn certify(&mut self, prefix: &str) {
        loop {
            let ((step,), _) = self.update::<(Result<CertifyProgress>,)>("certify", (prefix,));
            if step.expect("the prefix is certified").done {
                return;
            }
        }
    }
}

/// Returns a decoded reply and its instructions.
fn answered<R: for<'r> ArgumentDecoder<'r>>(
    method: &str,
    reply: std::result::Result<Reply, CallError>,
) -> (R, u64) {
    let reply = reply.unwrap_or_else(|error| panic!("{method}: {error}"));
    (decode_args(&reply.bytes).expect("the reply decodes"), reply.instructions)
}

/// Keys spread over the map: an odd factor permutes the numbers.
fn key(folder: &str, number: u64) -> String {
    format!("{folder}/{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn value(number: u64) -> Vec<u8> {
    number.to_le_bytes().repeat(VALUE.div_ceil(8))[..VALUE].to_vec()
}

/// Fills a folder with this many objects.
fn fill(canister: &mut Measured<'_>, folder: &str, objects: u64) {
    for first in (0..objects).step_by(BATCH as usize) {
        let puts: Vec<_> = (first..objects.min(first + BATCH))
            .map(|number| PutArgs {
                content_type: Some("text/html".into()),
                ..PutArgs::new(key(folder, number), value(number))
            })
            .collect();
        canister.change("put_many", (puts,));
    }
}

fn mean(mut measure: impl FnMut(u64) -> u64) -> u64 {
    (0..MESSAGES).map(&mut measure).sum::<u64>() / MESSAGES
}

/// Objects that are measured are spread over those that exist.
fn some(number: u64, objects: u64) -> u64 {
    number * (objects / MESSAGES).max(1) % objects
}

fn storage(objects: u64) {
    let row = |name: &str, figure: u64| println!("storage\t{objects}\t{name}\t{figure}");
    let put = |canister: &mut Measured<'_>, folder: &str, number: u64| {
        let args = PutArgs {
            content_type: Some("text/html".into()),
            ..PutArgs::new(key(folder, number), value(number + 1))
        };
        canister.change("put_with", (args,))
    };
    let mut canister = Measured::install(STORAGE_WASM, init_args(None));
    let canister = &mut canister;
    fill(canister, "a", objects);
    row("upgrade, nothing certified", canister.upgrade());
    row("put, not certified", mean(|number| put(canister, "a", objects + number)));
    row("overwrite, not certified", mean(|number| put(canister, "a", some(number, objects))));

    canister.change("set_certified", ("a/", true));
    canister.certify("a/");
    row("upgrade, all certified", canister.upgrade());
    row("put, certified prefix", mean(|number| put(canister, "a", 2 * objects + number)));
    row("overwrite, certified prefix", mean(|number| put(canister, "a", some(number, objects))));
    row(
        "delete, certified prefix",
        mean(|number| canister.change("delete", (key("a", some(number, objects) + 1), None::<Reserved>))),
    );
    row("put elsewhere", mean(|number| put(canister, "b", number)));
    let mut bytes = 0;
    row(
        "stat_certified",
        mean(|number| {
            let ((reply,), instructions) = canister
                .query::<(Result<CertifiedInfo>,)>("stat_certified", (key("a", some(number, objects)),));
            bytes += reply.expect("the key is certified").proof.witness.len() as u64;
            instructions
        }),
    );
    row("stat_certified, bytes of the witness", bytes / MESSAGES);
    let ((page,), instructions) =
        canister.query::<(Result<CertifiedPage>,)>("list_certified", (ListArgs::prefix("a/").limited(100),));
    row("list_certified of 100", instructions);
    row(
        "list_certified of 100, bytes of the witness",
        page.expect("the prefix is certified").proof.witness.len() as u64,
    );
    canister.change("set_certified", ("a/", false));
    canister.certify("a/");

    canister.change("set_site", (Site::new("a/"),));
    canister.certify("a/");
    row("upgrade, a certified site", canister.upgrade());
    row("put, certified site", mean(|number| put(canister, "a", 3 * objects + number)));
    row("overwrite, certified site", mean(|number| put(canister, "a", some(number, objects))));
    let mut witness = 0;
    row(
        "http_request",
        mean(|number| {
            let request = HttpRequest {
                certificate_version: Some(2),
                ..HttpRequest::get(format!("/{}", key("a", some(number, objects))))
            };
            let ((response,), instructions) = canister.query::<(HttpResponse,)>("http_request", (request,));
            assert_eq!((response.status_code, response.upgrade), (200, None));
            witness += response
                .headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("ic-certificate"))
                .map_or(0, |header| header.1.len() as u64);
            instructions
        }),
    );
    row("http_request, bytes of ic-certificate", witness / MESSAGES);
    canister.change("remove_site", ("a/",));

    let entries: Vec<_> = (0..BATCH).map(|number| serde_bytes::ByteBuf::from(value(number))).collect();
    for _ in 0..objects.min(100_000) / BATCH {
        canister.change("append", (&entries,));
    }
    row(
        "append of one entry, not certified",
        mean(|number| canister.change("append", (vec![serde_bytes::ByteBuf::from(value(number))],))),
    );
    while !canister
        .update::<(Result<CertifyProgress>,)>("certify_log", ())
        .0
        .0
        .expect("the log is certified")
        .done
    {}
    row(
        "append of one entry, certified",
        mean(|number| canister.change("append", (vec![serde_bytes::ByteBuf::from(value(number))],))),
    );
    let args = ReadLogArgs { from: 0, limit: Some(1) };
    let ((page,), instructions) = canister.query::<(Result<CertifiedLogPage>,)>("log_certified", (args,));
    page.expect("the log is certified");
    row("log_certified of one entry", instructions);
}

#[derive(CandidType)]
struct Entry<'a> {
    key: &'a str,
    value: &'a Bytes,
}

fn peer(wasm: &[u8], objects: u64) {
    let row = |name: &str, figure: u64| println!("ic-asset-certification\t{objects}\t{name}\t{figure}");
    let mut canister = Measured::install(wasm, encode_args(()).expect("nothing encodes"));
    for first in (0..objects).step_by(100) {
        let files: Vec<_> =
            (first..objects.min(first + 100)).map(|number| (key("a", number), value(number))).collect();
        let entries: Vec<_> =
            files.iter().map(|(key, value)| Entry { key, value: Bytes::new(value) }).collect();
        canister.update::<()>("put_many", (entries,));
    }
    let put = |canister: &mut Measured<'_>, number: u64| {
        let value = value(number + 1);
        canister.update::<()>("put", (key("a", number), Bytes::new(&value))).1
    };
    row("put, certified site", mean(|number| put(&mut canister, objects + number)));
    row("overwrite, certified site", mean(|number| put(&mut canister, some(number, objects))));
    let mut witness = 0;
    row(
        "http_request",
        mean(|number| {
            let request = HttpRequest {
                certificate_version: Some(2),
                ..HttpRequest::get(format!("/{}", key("a", some(number, objects))))
            };
            let ((response,), instructions) = canister.query::<(HttpResponse,)>("http_request", (request,));
            assert_eq!(response.status_code, 200);
            witness += response
                .headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("ic-certificate"))
                .map_or(0, |header| header.1.len() as u64);
            instructions
        }),
    );
    row("http_request, bytes of ic-certificate", witness / MESSAGES);
    row("upgrade, a certified site", canister.upgrade());
}

fn main() {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let number = |text: &String| text.parse().expect("a number of objects");
    match &args[..] {
        [command, objects] if command == "storage" => storage(number(objects)),
        [command, objects, wasm] if command == "peer" => {
            peer(&std::fs::read(wasm).expect("the module of the peer"), number(objects));
        }
        _ => {
            eprintln!("usage: certified storage OBJECTS | certified peer OBJECTS WASM");
            std::process::exit(2);
        }
    }
}
