//! What is kept of an object that was uploaded in parts, in two pairs of its metadata.
//!
//! ```text
//! :upload                    the completed upload, as the MD5 of its identifier and the key
//! :parts
//!   sum=ALGORITHM-TYPE:TEXT  the checksum of the object
//!   sizes=BYTES*COUNT,BYTES  the sizes of the parts, in their order; of equal ones with their number
//! ```
//!
//! Fields are separated by semicolons. Each is kept if there is room for it beside the metadata of the client: first the checksum, then
//! the upload, then the sizes.

use std::ops::Range;

use md5::{Digest, Md5};
use stable_storage_api::{MetadataPair, ObjectInfo, UploadArgs, headers};

use crate::object_sums::{Plan, Sum};

/// What is known of an object that was uploaded in parts.
#[derive(Clone, Default)]
pub(crate) struct Recorded {
    /// The checksum of the object.
    pub(crate) sum: Option<Sum>,
    /// The completed upload.
    pub(crate) done: Option<Done>,
    /// The sizes of the parts. They are those of the object.
    pub(crate) sizes: Option<Sizes>,
}

const SUM: &str = "sum";
const SIZES: &str = "sizes";

impl Recorded {
    /// Returns what was kept of an object.
    pub(crate) fn of(info: &ObjectInfo) -> Self {
        let value =
            |name| info.metadata.iter().flatten().find(|pair| pair.name == name).map(|pair| &pair.value);
        let fields = value(headers::PARTS).into_iter().flat_map(|value| value.split(';'));
        let fields = fields.filter_map(|field| field.split_once('='));
        let mut recorded = Self { done: value(headers::UPLOAD).cloned().map(Done), ..Self::default() };
        for (name, value) in fields {
            match name {
                SUM => recorded.sum = sum(value),
                SIZES => {
                    recorded.sizes = Sizes::parse(value).filter(|sizes| sizes.total() == Some(info.size))
                }
                _ => {}
            }
        }
        recorded
    }

    /// Adds the pairs to the metadata of an object, with the fields for which there is room.
    pub(crate) fn add_to(&self, mut args: UploadArgs) -> UploadArgs {
        if let Some(sum) = &self.sum {
            args = with_field(args, &format!("{SUM}={}:{}", sum.plan.name(), sum.text));
        }
        if let Some(Done(done)) = &self.done {
            let pairs = args.pairs().iter().cloned().chain([MetadataPair::new(headers::UPLOAD, done)]);
            args = if_it_fits(pairs.collect(), args);
        }
        if let Some(sizes) = &self.sizes {
            args = with_field(args, &format!("{SIZES}={}", sizes.text()));
        }
        args
    }
}

/// Adds a field to the pair about the parts, if there is room.
fn with_field(args: UploadArgs, field: &str) -> UploadArgs {
    let mut pairs = args.pairs().to_vec();
    match pairs.iter_mut().find(|pair| pair.name == headers::PARTS) {
        Some(pair) => pair.value = format!("{};{field}", pair.value),
        None => pairs.push(MetadataPair::new(headers::PARTS, field)),
    }
    if_it_fits(pairs, args)
}

/// Replaces the metadata, unless it would have too many pairs or bytes then.
fn if_it_fits(pairs: Vec<MetadataPair>, args: UploadArgs) -> UploadArgs {
    let more = UploadArgs { metadata: Some(pairs), ..args.clone() };
    if more.check().is_ok() { more } else { args }
}

fn sum(value: &str) -> Option<Sum> {
    let (name, text) = value.split_once(':')?;
    // Another tool may have stored the pair, and the text goes into a header.
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_base64) {
        return None;
    }
    Some(Sum { plan: Plan::named(name)?, text: text.to_owned() })
}

/// Which upload an object is of. With the key in it, it does not count for a copy of the object under another key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Done(String);

impl Done {
    /// Returns that of an upload to a key.
    pub(crate) fn of(id: &str, key: &str) -> Self {
        Self(hex::encode(Md5::new().chain_update(id).chain_update("/").chain_update(key).finalize()))
    }
}

/// The sizes of the parts of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sizes(Vec<Run>);

/// Consecutive parts of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    bytes: u64,
    count: u64,
}

impl Sizes {
    /// Returns the sizes of parts.
    pub(crate) fn of(parts: impl IntoIterator<Item = u64>) -> Self {
        let mut runs = Vec::<Run>::new();
        for bytes in parts {
            match runs.last_mut() {
                Some(run) if run.bytes == bytes => run.count += 1,
                _ => runs.push(Run { bytes, count: 1 }),
            }
        }
        Self(runs)
    }

    fn text(&self) -> String {
        let run = |run: &Run| match run.count {
            1 => run.bytes.to_string(),
            count => format!("{}*{count}", run.bytes),
        };
        self.0.iter().map(run).collect::<Vec<_>>().join(",")
    }

    fn parse(text: &str) -> Option<Self> {
        let run = |run: &str| {
            let (bytes, count) = run.split_once('*').unwrap_or((run, "1"));
            Some(Run { bytes: bytes.parse().ok()?, count: count.parse().ok()? })
        };
        text.split(',').map(run).collect::<Option<_>>().map(Self)
    }

    /// Returns the bytes of all parts, unless the sum is not a number of bytes.
    fn total(&self) -> Option<u64> {
        self.0.iter().try_fold(0_u64, |total, run| total.checked_add(run.bytes.checked_mul(run.count)?))
    }

    /// Returns the number of parts.
    pub(crate) fn count(&self) -> u64 {
        self.0.iter().fold(0, |count, run| count.saturating_add(run.count))
    }

    /// Returns the range of the part with a number, of which 1 is the first.
    pub(crate) fn range(&self, number: u64) -> Option<Range<u64>> {
        let (mut start, mut before) = (0_u64, number.checked_sub(1)?);
        for run in &self.0 {
            if before < run.count {
                let start = start.checked_add(run.bytes.checked_mul(before)?)?;
                return Some(start..start.checked_add(run.bytes)?);
            }
            before -= run.count;
            start = start.checked_add(run.bytes.checked_mul(run.count)?)?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_by_runs_and_have_the_ranges_of_the_parts() {
        for (parts, text) in [
            (&[7][..], "7"),
            (&[0], "0"),
            (&[5, 5, 5, 2], "5*3,2"),
            (&[5, 6, 5, 5], "5,6,5*2"),
            (&[4, 4], "4*2"),
        ] {
            let sizes = Sizes::of(parts.iter().copied());
            assert_eq!(sizes.text(), text);
            assert_eq!(Sizes::parse(text), Some(sizes.clone()));
            assert_eq!((sizes.total(), sizes.count()), (Some(parts.iter().sum()), parts.len() as u64));
            let mut start = 0;
            for (number, size) in (1..).zip(parts) {
                assert_eq!(sizes.range(number), Some(start..start + size), "{text} {number}");
                start += size;
            }
            assert_eq!((sizes.range(0), sizes.range(parts.len() as u64 + 1)), (None, None));
        }
        for text in ["", "x", "5*", "*5", "5,,5", "-1"] {
            assert_eq!(Sizes::parse(text), None, "{text}");
        }
        assert_eq!(Sizes::parse("18446744073709551615*2").and_then(|sizes| sizes.total()), None);
    }

    #[test]
    fn fields_are_kept_as_long_as_there_is_room() {
        let recorded =
            Recorded { sum: None, done: Some(Done::of("id", "a/b")), sizes: Some(Sizes::of([5, 7])) };
        let kept = |free: usize| {
            let metadata = Some(vec![MetadataPair::new("a", "x".repeat(2_048 - "a".len() - free))]);
            let args = recorded.add_to(UploadArgs { metadata, ..UploadArgs::unsized_new("a/b") });
            let kept = args.metadata.into_iter().flatten().skip(1).map(|pair| (pair.name, pair.value));
            kept.collect::<Vec<_>>()
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let (done, sizes) = (pair(":upload", &Done::of("id", "a/b").0), pair(":parts", "sizes=5,7"));
        let expected = [
            (54, vec![&done, &sizes]),
            (53, vec![&done]),
            (39, vec![&done]),
            (38, vec![&sizes]),
            (15, vec![&sizes]),
            (14, vec![]),
        ];
        for (free, expected) in expected {
            assert_eq!(kept(free).iter().collect::<Vec<_>>(), expected, "{free}");
        }
        assert!(Done::of("id", "a/b") != Done::of("id", "a/c") && Done::of("id", "a") != Done::of("jd", "a"));
    }
}
