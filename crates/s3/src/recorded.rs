//! What is kept of an object that was uploaded in parts, in a pair of its metadata.
//!
//! ```text
//! sum=ALGORITHM-TYPE:TEXT    the checksum of the object
//! ```

use stable_storage_api::{MetadataPair, ObjectInfo, UploadArgs, headers};

use crate::object_sums::{Plan, Sum};

/// What is known of an object that was uploaded in parts.
#[derive(Clone, Default)]
pub(crate) struct Recorded {
    /// The checksum of the object.
    pub(crate) sum: Option<Sum>,
}

impl Recorded {
    /// Returns what was kept of an object.
    pub(crate) fn of(info: &ObjectInfo) -> Self {
        let pair = info.metadata.iter().flatten().find(|pair| pair.name == headers::PARTS);
        let fields =
            pair.iter().flat_map(|pair| pair.value.split(';')).filter_map(|field| field.split_once('='));
        let mut recorded = Self::default();
        for (name, value) in fields {
            if name == SUM {
                recorded.sum = sum(value);
            }
        }
        recorded
    }

    /// Adds the pair to the metadata of an object, if there is room for it beside that of the client.
    pub(crate) fn add_to(&self, args: UploadArgs) -> UploadArgs {
        let sum = self.sum.as_ref().map(|sum| format!("{SUM}={}:{}", sum.plan.name(), sum.text));
        match sum {
            None => args,
            Some(value) => {
                with_pair_if_it_fits(&args, MetadataPair::new(headers::PARTS, value)).unwrap_or(args)
            }
        }
    }
}

/// Name of the field with the checksum.
const SUM: &str = "sum";

fn sum(value: &str) -> Option<Sum> {
    let (name, text) = value.split_once(':')?;
    Some(Sum { plan: Plan::named(name)?, text: text.to_owned() })
}

/// Adds a pair, unless the metadata would have too many pairs or bytes then.
pub(crate) fn with_pair_if_it_fits(args: &UploadArgs, pair: MetadataPair) -> Option<UploadArgs> {
    let pairs = args.metadata.iter().flatten().cloned().chain([pair]).collect();
    let args = UploadArgs { metadata: Some(pairs), ..args.clone() };
    args.check().is_ok().then_some(args)
}
