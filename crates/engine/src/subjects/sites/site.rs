//! Records of sites, and the check that two sites do not overlap.
//!
//! # Layout v1
//!
//! ```text
//! bytes  field
//!     1  version: 1
//!     1  flags: bit 0 certified, bit 1 incomplete; and from bit 2 which texts follow: path, index, not_found, single_page, cors,
//!        cache_control
//!        prefix
//!        the texts in the order of their flags
//!        if incomplete, the key up to which all objects are certified
//!        number of headers, then for each its name and its value
//!     4  CRC-32 of everything above
//! ```
//!
//! Numbers and texts are encoded as in `base::codec`.

use stable_storage_api::limits::MAX_SITES;
use stable_storage_api::{Error, Site};

use crate::base::checksum::{CRC_BYTES, append_crc, has_valid_crc};
use crate::base::codec::{Reader, put_bytes, put_number};

const VERSION: u8 = 1;
const IS_CERTIFIED: u8 = 1;
const IS_INCOMPLETE: u8 = 2;
const FIRST_TEXT: u8 = 4;

/// A site, and how far its objects are certified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) site: Site,
    /// Key up to which all objects are certified: empty at the start, `None` when all are.
    pub(crate) scanned: Option<String>,
}

impl Record {
    /// Encodes the record of a checked site.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let Site { prefix, path, certified, index, not_found, single_page, headers, cors, cache_control } =
            &self.site;
        let texts = [path, index, not_found, single_page, cors, cache_control];
        let mut flags = if *certified { IS_CERTIFIED } else { 0 };
        flags |= if self.scanned.is_some() { IS_INCOMPLETE } else { 0 };
        flags |= texts
            .iter()
            .enumerate()
            .filter(|text| text.1.is_some())
            .map(|text| FIRST_TEXT << text.0)
            .sum::<u8>();
        let mut bytes = vec![VERSION, flags];
        put_bytes(&mut bytes, prefix.as_bytes());
        for text in texts.into_iter().chain([&self.scanned]).flatten() {
            put_bytes(&mut bytes, text.as_bytes());
        }
        put_number(&mut bytes, headers.len() as u64);
        for text in headers.iter().flat_map(|(name, value)| [name, value]) {
            put_bytes(&mut bytes, text.as_bytes());
        }
        append_crc(&mut bytes);
        bytes
    }

    /// Decodes and checks a record.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let body =
            (bytes.len() > CRC_BYTES && has_valid_crc(bytes)).then(|| &bytes[..bytes.len() - CRC_BYTES]);
        let record = body.and_then(Self::decode_body).filter(|record| record.site.check().is_ok());
        record.ok_or_else(|| Error::corrupted("the record of a site is corrupt", 0))
    }

    fn decode_body(body: &[u8]) -> Option<Self> {
        let mut reader = Reader(body);
        let (VERSION, flags) = (reader.byte()?, reader.byte()?) else { return None };
        let prefix = reader.text()?.to_string();
        let mut text = |flag: u8| match flags & flag {
            0 => Some(None),
            _ => Some(Some(reader.text()?.to_string())),
        };
        let [path, index, not_found] = [text(FIRST_TEXT)?, text(FIRST_TEXT << 1)?, text(FIRST_TEXT << 2)?];
        let [single_page, cors] = [text(FIRST_TEXT << 3)?, text(FIRST_TEXT << 4)?];
        let (cache_control, scanned) = (text(FIRST_TEXT << 5)?, text(IS_INCOMPLETE)?);
        let mut headers = Vec::new();
        for _ in 0..reader.number()? {
            headers.push((reader.text()?.to_string(), reader.text()?.to_string()));
        }
        let certified = flags & IS_CERTIFIED != 0;
        let site =
            Site { prefix, path, certified, index, not_found, single_page, headers, cors, cache_control };
        reader.0.is_empty().then_some(Self { site, scanned })
    }
}

/// Checks a site that is added to others, or replaces the one with the same prefix.
pub(crate) fn check_addition(site: &Site, others: &[&Site]) -> Result<(), Error> {
    site.check()?;
    let others = || others.iter().filter(|other| other.prefix != site.prefix);
    if others().count() as u64 >= MAX_SITES {
        return Err(Error::LimitExceeded { what: "sites".into(), limit: MAX_SITES });
    }
    let overlap = |a: &str, b: &str| a.starts_with(b) || b.starts_with(a);
    for other in others() {
        let (path, other_path) = (site.url_path(), other.url_path());
        let what = if overlap(&site.prefix, &other.prefix) {
            format!("the prefix {:?} overlaps that of the site {:?}", site.prefix, other.prefix)
        } else if overlap(&path, &other_path) {
            format!("the path {path:?} overlaps the path {other_path:?} of the site {:?}", other.prefix)
        } else {
            continue;
        };
        return Err(Error::invalid(what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Record {
        let site = Site {
            path: Some("/docs/".into()),
            not_found: Some("404.html".into()),
            headers: vec![("x-a".into(), "1".into()), ("x-b".into(), String::new())],
            cors: Some("*".into()),
            cache_control: Some("no-cache".into()),
            ..Site::new("www/")
        };
        Record { site, scanned: Some("www/k".into()) }
    }

    fn samples() -> Vec<Record> {
        let full = full();
        let bare = Site { index: None, certified: false, ..Site::new("a/") };
        vec![
            Record { site: bare, scanned: None },
            Record { scanned: Some(String::new()), ..full.clone() },
            Record { site: Site { single_page: Some("a/b".into()), ..Site::new("a/b/") }, scanned: None },
            full,
        ]
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        for record in samples() {
            assert_eq!(Record::decode(&record.encode()), Ok(record));
        }
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let bytes = full().encode();
        assert_eq!(bytes[..2], [1, 0b1101_1111]);
        let expected = b"\x04www/\x06/docs/\x0aindex.html\x08404.html\x01*\x08no-cache\x05www/k\x02\x03x-a\x011\x03x-b\0";
        assert_eq!(&bytes[2..bytes.len() - CRC_BYTES], expected);
    }

    #[test]
    fn every_changed_or_missing_byte_is_corruption() {
        for record in samples() {
            let bytes = record.encode();
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= 0x41;
                for bad in [&changed[..], &bytes[..at]] {
                    assert!(matches!(Record::decode(bad), Err(Error::Corrupted { .. })), "{at}");
                }
            }
        }
    }

    #[test]
    fn a_valid_checksum_does_not_make_a_record_valid() {
        let seal = |mut bytes: Vec<u8>| {
            append_crc(&mut bytes);
            bytes
        };
        let good = full().encode();
        let body = &good[..good.len() - CRC_BYTES];
        let mut later = body.to_vec();
        later[0] = 2;
        let endless = [&body[..body.len() - 11], &[0xff; 9], &[1]].concat();
        let invalid = Record { site: Site::new("no-slash"), scanned: None }.encode();
        for bad in [seal(later), seal([body, &[0]].concat()), seal(endless), seal(vec![]), invalid] {
            assert!(matches!(Record::decode(&bad), Err(Error::Corrupted { .. })), "{bad:?}");
        }
    }

    #[test]
    fn sites_do_not_overlap() {
        let site =
            |prefix: &str, path: Option<&str>| Site { path: path.map(Into::into), ..Site::new(prefix) };
        let others = [site("www/", None), site("blog/", Some("/b/"))];
        let check = |site: Site| check_addition(&site, &others.iter().collect::<Vec<_>>());
        for valid in
            [site("ww/", None), site("wwww/", None), site("www/", Some("/")), site("x/", Some("/blog/"))]
        {
            let is_root = valid.path.as_deref() == Some("/");
            assert_eq!(check(valid.clone()).is_ok(), !is_root, "{valid:?}");
        }
        // The site with the same prefix is replaced.
        assert_eq!(check(site("www/", Some("/w/"))), Ok(()));
        for (bad, names) in [
            (site("www/a/", Some("/x/")), "\"www/\""),
            (site("x/", Some("/www/")), "\"/www/\""),
            (site("x/", Some("/b/c/")), "\"blog/\""),
            (site("x/", Some("/")), "\"/www/\""),
            (site("b/", None), "\"/b/\""),
            (site("", None), "\"\""),
        ] {
            let error = check(bad.clone()).unwrap_err();
            assert!(
                matches!(&error, Error::InvalidArgument { what } if what.contains(names)),
                "{bad:?}: {error}"
            );
        }
    }

    #[test]
    fn there_are_at_most_100_sites() {
        let sites: Vec<_> = (0..100).map(|at| Site::new(format!("{at:03}/"))).collect();
        let others: Vec<_> = sites.iter().collect();
        assert_eq!(check_addition(&Site::new("new/"), &others[..99]), Ok(()));
        assert_eq!(check_addition(&sites[7], &others), Ok(()));
        let error = Error::LimitExceeded { what: "sites".into(), limit: 100 };
        assert_eq!(check_addition(&Site::new("new/"), &others), Err(error));
    }
}
