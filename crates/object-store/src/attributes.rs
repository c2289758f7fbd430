//! Attributes of objects as fields and user metadata.

use std::borrow::Cow;

use object_store::{Attribute, Attributes, Result};
use stable_storage_api::{MetadataPair, ObjectInfo, headers};

use crate::error::not_supported;

/// Attributes as the arguments of `put_with` and `create_upload` have them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Described {
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) metadata: Option<Vec<MetadataPair>>,
}

impl Described {
    /// Converts attributes.
    ///
    /// # Errors
    /// `NotSupported` for an attribute that cannot be kept.
    pub(crate) fn of(attributes: &Attributes) -> Result<Self> {
        let mut described = Self::default();
        let mut pairs = Vec::new();
        for (attribute, value) in attributes {
            let value = value.to_string();
            match attribute {
                Attribute::ContentType => described.content_type = Some(value),
                Attribute::ContentEncoding => described.content_encoding = Some(value),
                Attribute::Metadata(name) if headers::is_reserved(name) => {
                    return Err(not_supported(format!("metadata {name:?}: names that start with a colon")));
                }
                Attribute::Metadata(name) => pairs.push(MetadataPair::new(name.as_ref(), value)),
                other => pairs.push(MetadataPair::new(header_name(other)?, value)),
            }
        }
        // The attributes come from a hash map: with an order, equal attributes are stored as equal bytes.
        pairs.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        described.metadata = (!pairs.is_empty()).then_some(pairs);
        Ok(described)
    }
}

/// Returns the attributes of an object.
pub(crate) fn attributes(info: &ObjectInfo) -> Attributes {
    let mut attributes = Attributes::new();
    if let Some(value) = &info.content_type {
        attributes.insert(Attribute::ContentType, value.clone().into());
    }
    if let Some(value) = &info.content_encoding {
        attributes.insert(Attribute::ContentEncoding, value.clone().into());
    }
    for MetadataPair { name, value } in info.metadata.iter().flatten() {
        let attribute = match name.as_str() {
            headers::CACHE_CONTROL => Attribute::CacheControl,
            headers::CONTENT_DISPOSITION => Attribute::ContentDisposition,
            headers::CONTENT_LANGUAGE => Attribute::ContentLanguage,
            // Another gateway's own; it is not metadata of the user.
            name if headers::is_reserved(name) => continue,
            name => Attribute::Metadata(Cow::Owned(name.to_owned())),
        };
        attributes.insert(attribute, value.clone().into());
    }
    attributes
}

fn header_name(attribute: &Attribute) -> Result<&'static str> {
    match attribute {
        Attribute::CacheControl => Ok(headers::CACHE_CONTROL),
        Attribute::ContentDisposition => Ok(headers::CONTENT_DISPOSITION),
        Attribute::ContentLanguage => Ok(headers::CONTENT_LANGUAGE),
        other => Err(not_supported(format!("the attribute {other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use object_store::Error;

    use super::*;

    #[test]
    fn attributes_that_cannot_be_kept_are_refused() {
        for attribute in [Attribute::StorageClass, Attribute::Metadata(":etag".into())] {
            let attributes = Attributes::from_iter([(attribute, "x")]);
            assert!(matches!(Described::of(&attributes), Err(Error::NotSupported { .. })), "{attributes:?}");
        }
    }
}
