//! The header `ic-certificate`: the certificate of the canister's data, the witness, and the labels of the page.

use std::fmt::Write as _;

use crate::structures::hash_tree::HashTree;

/// Name of the header.
pub(crate) const CERTIFICATE_HEADER: &str = "ic-certificate";

/// Returns the value of the header. `certificate` is that of the canister's data, and `labels` are those of the page.
pub(crate) fn header(certificate: &[u8], witness: &HashTree, labels: &[impl AsRef<str>]) -> String {
    let (certificate, witness, path) = (Base64(certificate), witness.to_cbor(), text_array(labels));
    let mut value = String::new();
    let (witness, path) = (Base64(&witness), Base64(&path));
    write!(value, "certificate=:{certificate}:, tree=:{witness}:, expr_path=:{path}:, version=2")
        .expect("a text takes everything");
    value
}

/// Encodes texts in CBOR, with the tag that says that CBOR follows.
fn text_array(texts: &[impl AsRef<str>]) -> Vec<u8> {
    const TEXT: u8 = 0x60;
    const ARRAY: u8 = 0x80;
    let mut bytes = vec![0xd9, 0xd9, 0xf7];
    append_length(&mut bytes, ARRAY, texts.len());
    for text in texts {
        append_length(&mut bytes, TEXT, text.as_ref().len());
        bytes.extend_from_slice(text.as_ref().as_bytes());
    }
    bytes
}

fn append_length(bytes: &mut Vec<u8>, kind: u8, length: usize) {
    match length {
        0..24 => bytes.push(kind | length as u8),
        24..0x100 => bytes.extend([kind | 24, length as u8]),
        _ => {
            bytes.push(kind | 25);
            bytes.extend(u16::try_from(length).expect("a URL has at most 8 KiB").to_be_bytes());
        }
    }
}

/// Bytes in base64, padded.
struct Base64<'a>(&'a [u8]);

impl std::fmt::Display for Base64<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::with_capacity(self.0.len().div_ceil(3) * 4);
        for group in self.0.chunks(3) {
            let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            for at in 0..4 {
                let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
                text.push(if at <= group.len() { char::from(digit) } else { '=' });
            }
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use ic_http_certification::utils::{build_v2_certificate_header_value, cbor_encode_to_base64};

    use super::*;

    #[test]
    fn the_header_equals_that_of_the_reference() {
        let long = "é".repeat(3_000);
        for labels in [
            &["http_expr", "<*>"][..],
            &["http_expr", "", "<$>"],
            &["http_expr", &long, &long[..40], "a"],
            &["a"; 300],
        ] {
            for bytes in 0..5 {
                let certificate = vec![0xfb; bytes];
                let witness = HashTree::labeled(b"http_expr", HashTree::Pruned([7; 32]));
                let reference = serde_cbor::from_slice(&witness.to_cbor()).unwrap();
                let path = cbor_encode_to_base64(&labels);
                let expected = build_v2_certificate_header_value(&certificate, &reference, &path);
                assert_eq!(header(&certificate, &witness, labels), expected);
            }
        }
    }
}
