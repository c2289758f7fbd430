//! Files that gateways verify, with the certification tree on the heap: ic-asset-certification, as its documentation uses it. An upgrade
//! writes the files to stable memory, and certifies all of them again.

use std::cell::RefCell;
use std::collections::BTreeMap;

use bench_peers::Entry;
use ic_asset_certification::{Asset, AssetConfig, AssetRouter};
use ic_cdk::api::{certified_data_set, data_certificate};
use ic_cdk::storage::{stable_restore, stable_save};
use ic_cdk::{query, update};
use ic_http_certification::{HttpRequest, HttpResponse};
use serde_bytes::ByteBuf;

thread_local! {
    static FILES: RefCell<BTreeMap<String, ByteBuf>> = const { RefCell::new(BTreeMap::new()) };
    static ROUTER: RefCell<AssetRouter<'static>> = RefCell::default();
}

#[ic_cdk::pre_upgrade]
fn pre_upgrade() {
    let entries: Vec<_> = FILES.take().into_iter().map(|(key, value)| Entry { key, value }).collect();
    stable_save((entries,)).expect("stable memory has room");
}

#[ic_cdk::post_upgrade]
fn post_upgrade() {
    let (entries,): (Vec<Entry>,) = stable_restore().expect("pre_upgrade saved the entries");
    put_many(entries);
}

#[update]
fn put(key: String, value: ByteBuf) {
    put_many(vec![Entry { key, value }]);
}

#[update]
fn put_many(entries: Vec<Entry>) {
    let assets: Vec<_> =
        entries.iter().map(|entry| Asset::new(entry.key.clone(), entry.value.to_vec())).collect();
    let configs = entries.iter().map(|entry| AssetConfig::File {
        path: entry.key.clone(),
        content_type: Some("text/html".into()),
        headers: Vec::new(),
        fallback_for: Vec::new(),
        aliased_by: Vec::new(),
        encodings: Vec::new(),
    });
    let configs: Vec<_> = configs.collect();
    ROUTER.with_borrow_mut(|router| {
        router.certify_assets(assets, configs).expect("the files can be certified");
        certified_data_set(router.root_hash());
    });
    FILES.with_borrow_mut(|files| files.extend(entries.into_iter().map(|entry| (entry.key, entry.value))));
}

#[query]
fn http_request(request: HttpRequest<'static>) -> HttpResponse<'static> {
    let certificate = data_certificate().expect("a query has a certificate");
    ROUTER.with_borrow(|router| router.serve_asset(&certificate, &request).expect("there is such a file"))
}
