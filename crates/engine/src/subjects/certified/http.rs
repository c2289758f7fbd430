//! Answering HTTP requests to sites.

use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;
use stable_storage_api::{Error, HttpRequest, HttpResponse, ReadArgs};

use super::CertifiedObjects;
use crate::structures::hash_tree::{HashTree, MAX_PATH};
use crate::subjects::objects::StoredObjects;
use crate::subjects::sites::{
    Answer, Body, CERTIFICATE_HEADER, Call, Proof, Reply, Request, answer, certificate_header, find, refusal,
};

/// Reply to an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpReply {
    /// No site has this path.
    NoSite,
    /// The gateway has to call `http_request_update`.
    Upgrade,
    /// The response.
    Response(HttpResponse),
}

impl<M: Memory + Clone> CertifiedObjects<'_, M> {
    /// Answers a request. `certificate` is that of the store's digest; without one, the answer is that of an update.
    pub(crate) fn http(&self, http: &HttpRequest, certificate: Option<&[u8]>) -> Result<HttpReply, Error> {
        let known = self.objects.scopes.all(self.objects.core)?;
        if known.sites.is_empty() {
            return Ok(HttpReply::NoSite);
        }
        let request = match Request::parse(http) {
            Ok(request) => request,
            // A URL that no site can have.
            Err(_) if certificate.is_some() => return Ok(HttpReply::Upgrade),
            Err(url) => {
                let (status, text) = refusal(&url);
                return Ok(HttpReply::Response(plain(status, text)));
            }
        };
        let path = request.path.as_str();
        let Some(site) = find(known.sites.iter().map(|scope| &scope.served), path) else {
            return Ok(HttpReply::NoSite);
        };
        // The witness would need more labels than a path of the tree can have.
        if certificate.is_some() && path.split('/').count() + 2 > MAX_PATH {
            return Ok(HttpReply::Upgrade);
        }
        let call = if certificate.is_some() { Call::Query } else { Call::Update };
        match answer(site, &request, call, &StoredObjects(self.objects.core))? {
            Reply::Upgrade => Ok(HttpReply::Upgrade),
            Reply::Answer(answer) => self.response(*answer, certificate),
        }
    }

    fn response(&self, answer: Answer, certificate: Option<&[u8]>) -> Result<HttpReply, Error> {
        let Answer { status, mut headers, body, proof } = answer;
        if let Some(certificate) = certificate {
            let Some((witness, labels)) = proof.map(|proof| self.witness(proof)).transpose()?.flatten()
            else {
                return Ok(HttpReply::Upgrade);
            };
            headers.push((CERTIFICATE_HEADER.into(), certificate_header(certificate, &witness, &labels)));
        }
        let body = match body {
            Body::Empty => Vec::new(),
            Body::Text(text) => text.into_bytes(),
            Body::Object { key, offset, length } => {
                self.objects.read(&ReadArgs { key, offset, length: Some(length), revision: None })?
            }
        };
        Ok(HttpReply::Response(HttpResponse {
            status_code: status,
            headers,
            body: ByteBuf::from(body),
            upgrade: None,
        }))
    }

    /// Returns the witness of a page. `None` if the tree does not have it: it is not certified yet.
    fn witness(&self, proof: Proof) -> Result<Option<(HashTree, Vec<String>)>, Error> {
        let Proof { labels, absent, page, shown } = proof;
        fn bytes(labels: &[String]) -> Vec<&[u8]> {
            labels.iter().map(String::as_bytes).collect()
        }
        let Some(certified) = self.objects.core.certified() else { return Ok(None) };
        let path = bytes(&labels);
        if certified.tree.get(&path)? != Some(page) {
            return Ok(None);
        }
        let mut witness = certified.tree.witness(&path, shown)?;
        for labels in absent {
            let path = bytes(&labels);
            if certified.tree.get(&path)?.is_some() {
                return Ok(None);
            }
            witness = witness.merged(certified.tree.witness(&path, HashTree::Empty)?);
        }
        Ok(Some((witness, labels)))
    }
}

/// Returns a response in plain text that is not certified.
fn plain(status_code: u16, text: String) -> HttpResponse {
    let headers = [("content-type", "text/plain; charset=utf-8"), ("cache-control", "no-store")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    HttpResponse { status_code, headers, body: ByteBuf::from(text.into_bytes()), upgrade: None }
}
