//! Signatures of version 4.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::DateTime;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// What a signature of version 4 is made with.
pub(crate) struct Signing {
    pub(crate) time: String,
    pub(crate) scope: String,
    pub(crate) key: Vec<u8>,
}

impl Signing {
    pub(crate) fn now(secret: &str) -> Self {
        Self::of(secret, 0, "s3")
    }

    /// A signature of this many seconds after now, for a service.
    pub(crate) fn of(secret: &str, after: i64, service: &str) -> Self {
        let now: i64 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap();
        let time = DateTime::from_timestamp(now + after, 0).unwrap();
        let (day, time) = (time.format("%Y%m%d").to_string(), time.format("%Y%m%dT%H%M%SZ").to_string());
        let scope = format!("{day}/us-east-1/{service}/aws4_request");
        let first = format!("AWS4{secret}").into_bytes();
        let key =
            [&*day, "us-east-1", service, "aws4_request"].iter().fold(first, |key, text| mac(&key, text));
        Self { time, scope, key }
    }

    pub(crate) fn signature(&self, canonical: &str) -> String {
        let digest = hex::encode(Sha256::digest(canonical));
        hex::encode(mac(&self.key, &format!("AWS4-HMAC-SHA256\n{}\n{}\n{digest}", self.time, self.scope)))
    }

    /// Returns the signature of the policy of a form.
    pub(crate) fn of_policy(&self, policy: &str) -> String {
        hex::encode(mac(&self.key, policy))
    }
}

pub(crate) fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
