//! Compressed variants of a file.

use std::io::{self, Write};

use flate2::{Compression, write::GzEncoder};

use crate::args::Coding;

/// All codings.
pub(super) const CODINGS: [Coding; 2] = [Coding::Brotli, Coding::Gzip];

/// The smallest file with variants. A smaller one takes one packet with its headers in any case.
const MIN_BYTES: u64 = 1_024;
/// The largest file with variants: it is compressed in memory.
const MAX_BYTES: u64 = 64 << 20;

impl Coding {
    /// Returns what a variant has after the name of its file.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }

    /// Returns the content encoding.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// Compresses bytes, as far as the coding can. The same bytes are always compressed to the same.
    pub(super) fn encode(self, content: &[u8]) -> io::Result<Vec<u8>> {
        let mut encoded = Vec::new();
        match self {
            Self::Brotli => {
                let params =
                    brotli::enc::BrotliEncoderParams { size_hint: content.len(), ..Default::default() };
                brotli::BrotliCompress(&mut &*content, &mut encoded, &params)?;
            }
            Self::Gzip => {
                let mut encoder = GzEncoder::new(&mut encoded, Compression::best());
                encoder.write_all(content)?;
                encoder.finish()?;
            }
        }
        Ok(encoded)
    }
}

/// Returns whether a file of this type and size is worth compressing. Pictures, sound, video and archives are compressed already.
pub(super) fn is_compressible(content_type: &str, size: u64) -> bool {
    let is_text = content_type.starts_with("text/")
        || content_type.ends_with("+json")
        || content_type.ends_with("+xml")
        || matches!(
            content_type,
            "application/javascript"
                | "application/json"
                | "application/wasm"
                | "application/xml"
                | "font/otf"
                | "font/ttf"
        );
    is_text && (MIN_BYTES..=MAX_BYTES).contains(&size)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    /// What was compressed is smaller, always the same, and read back.
    #[test]
    fn compressed_bytes_are_read_back() {
        let text = "a line of text\n".repeat(500);
        for coding in CODINGS {
            let encoded = coding.encode(text.as_bytes()).unwrap();
            assert!(encoded.len() < text.len() / 10, "{coding:?}");
            assert_eq!(encoded, coding.encode(text.as_bytes()).unwrap());
            let mut decoded = String::new();
            let read = match coding {
                Coding::Brotli => brotli::Decompressor::new(&*encoded, 4_096).read_to_string(&mut decoded),
                Coding::Gzip => flate2::read::GzDecoder::new(&*encoded).read_to_string(&mut decoded),
            };
            read.unwrap();
            assert!(decoded == text, "{coding:?}");
        }
    }

    #[test]
    fn texts_are_compressed_and_media_are_not() {
        for (name, expected) in [
            ("a.html", true),
            ("a.js", true),
            ("a.css", true),
            ("a.svg", true),
            ("a.json", true),
            ("a.webmanifest", true),
            ("a.wasm", true),
            ("a.png", false),
            ("a.mp4", false),
            ("a.woff2", false),
            ("a.zip", false),
        ] {
            let content_type = crate::content_type::guess(name).unwrap();
            assert_eq!(is_compressible(&content_type, MIN_BYTES), expected, "{name} {content_type}");
        }
        for (size, expected) in
            [(0, false), (MIN_BYTES - 1, false), (MIN_BYTES, true), (MAX_BYTES, true), (MAX_BYTES + 1, false)]
        {
            assert_eq!(is_compressible("text/html", size), expected, "{size}");
        }
    }
}
