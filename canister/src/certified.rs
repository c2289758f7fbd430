//! Certified reads, and sites.

use ic_cdk::api::data_certificate;
use serde_bytes::ByteBuf;
use stable_storage_api::{
    CertifiedInfo, CertifiedLogPage, CertifiedObject, CertifiedPage, CertifiedPrefix, CertifyProgress, Error,
    ListArgs, Proof, ReadLogArgs, Result, Site, SiteStatus,
};

use crate::state::CanisterStore;

pub(crate) fn set_certified(store: &mut CanisterStore, prefix: &str, certified: bool) -> Result<()> {
    store.set_certified(prefix, certified)
}

pub(crate) fn certified_prefixes(store: &CanisterStore) -> Result<Vec<CertifiedPrefix>> {
    store.certified_prefixes()
}

pub(crate) fn certify(store: &mut CanisterStore, prefix: &str) -> Result<CertifyProgress> {
    store.certify(prefix)
}

pub(crate) fn certify_log(store: &mut CanisterStore) -> Result<CertifyProgress> {
    store.certify_log()
}

pub(crate) fn get_certified(store: &CanisterStore, key: &str) -> Result<CertifiedObject> {
    let reply = store.get_certified(key)?;
    Ok(CertifiedObject { object: reply.contents, proof: proof(reply.witness)? })
}

pub(crate) fn stat_certified(store: &CanisterStore, key: &str) -> Result<CertifiedInfo> {
    let reply = store.stat_certified(key)?;
    Ok(CertifiedInfo { info: reply.contents, proof: proof(reply.witness)? })
}

pub(crate) fn list_certified(store: &CanisterStore, args: ListArgs) -> Result<CertifiedPage> {
    let reply = store.list_certified(&args)?;
    let storage_engine::InfoPage { objects, next } = reply.contents;
    Ok(CertifiedPage { objects, next, proof: proof(reply.witness)? })
}

pub(crate) fn log_certified(store: &CanisterStore, args: ReadLogArgs) -> Result<CertifiedLogPage> {
    let reply = store.log_certified(&args)?;
    let storage_engine::LogProof { entries, length, paths } = reply.contents;
    let blobs = |bytes: Vec<Vec<u8>>| bytes.into_iter().map(ByteBuf::from).collect();
    Ok(CertifiedLogPage {
        entries: blobs(entries),
        length,
        paths: paths.into_iter().map(blobs).collect(),
        proof: proof(reply.witness)?,
    })
}

pub(crate) fn set_site(store: &mut CanisterStore, site: Site) -> Result<()> {
    store.set_site(&site)
}

pub(crate) fn remove_site(store: &mut CanisterStore, prefix: &str) -> Result<bool> {
    store.remove_site(prefix)
}

pub(crate) fn list_sites(store: &CanisterStore) -> Result<Vec<SiteStatus>> {
    store.list_sites()
}

/// Returns a witness with the certificate of its root.
fn proof(witness: Vec<u8>) -> Result<Proof> {
    let certificate = data_certificate().ok_or_else(|| Error::invalid("a certified read must be a query"))?;
    Ok(Proof { certificate: ByteBuf::from(certificate), witness: ByteBuf::from(witness) })
}
