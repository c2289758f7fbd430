//! Parsing and printing numbers in regions.

use std::{fmt::Display, str::FromStr};

use anyhow::{Context, Result, bail};
use serde_json::{Number, Value};
use stable_storage_api::{RegionType, RegionValue};

use crate::args::NumberKind;

/// Returns the type of the contract.
pub(crate) fn kind_of(kind: NumberKind) -> RegionType {
    match kind {
        NumberKind::Nat8 => RegionType::Nat8,
        NumberKind::Nat16 => RegionType::Nat16,
        NumberKind::Nat32 => RegionType::Nat32,
        NumberKind::Nat64 => RegionType::Nat64,
        NumberKind::Int8 => RegionType::Int8,
        NumberKind::Int16 => RegionType::Int16,
        NumberKind::Int32 => RegionType::Int32,
        NumberKind::Int64 => RegionType::Int64,
        NumberKind::Float => RegionType::Float,
    }
}

/// Parses a number. A number that does not fit its type is an error.
pub(crate) fn parse(kind: NumberKind, text: &str) -> Result<RegionValue> {
    fn number<N: FromStr<Err: Display>>(kind: NumberKind, text: &str) -> Result<N> {
        let parsed = text.parse().map_err(|error: N::Err| anyhow::anyhow!("{error}"));
        parsed.with_context(|| format!("{text:?} is not a {kind:?}"))
    }
    Ok(match kind {
        NumberKind::Nat8 => RegionValue::Nat8(number(kind, text)?),
        NumberKind::Nat16 => RegionValue::Nat16(number(kind, text)?),
        NumberKind::Nat32 => RegionValue::Nat32(number(kind, text)?),
        NumberKind::Nat64 => RegionValue::Nat64(number(kind, text)?),
        NumberKind::Int8 => RegionValue::Int8(number(kind, text)?),
        NumberKind::Int16 => RegionValue::Int16(number(kind, text)?),
        NumberKind::Int32 => RegionValue::Int32(number(kind, text)?),
        NumberKind::Int64 => RegionValue::Int64(number(kind, text)?),
        NumberKind::Float => RegionValue::Float(number(kind, text)?),
    })
}

/// Returns the number for printing. A number that JSON lacks, such as infinity, is a text.
pub(crate) fn to_json(value: &RegionValue) -> Result<Value> {
    Ok(match value {
        RegionValue::Nat8(number) => Value::from(*number),
        RegionValue::Nat16(number) => Value::from(*number),
        RegionValue::Nat32(number) => Value::from(*number),
        RegionValue::Nat64(number) => Value::from(*number),
        RegionValue::Int8(number) => Value::from(*number),
        RegionValue::Int16(number) => Value::from(*number),
        RegionValue::Int32(number) => Value::from(*number),
        RegionValue::Int64(number) => Value::from(*number),
        RegionValue::Float(number) => {
            Number::from_f64(*number).map_or_else(|| Value::from(number.to_string()), Value::from)
        }
        RegionValue::Blob(_) => bail!("expected a number, got bytes"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers round-trip, up to the limits of their types; a number out of range is an error.
    #[test]
    fn numbers_are_typed_and_printed() {
        let cases = [
            (NumberKind::Nat8, "255", Some("255")),
            (NumberKind::Nat8, "256", None),
            (NumberKind::Nat16, "-1", None),
            (NumberKind::Nat64, "18446744073709551615", Some("18446744073709551615")),
            (NumberKind::Int8, "-128", Some("-128")),
            (NumberKind::Int64, "9223372036854775808", None),
            (NumberKind::Float, "-0.5", Some("-0.5")),
            (NumberKind::Float, "inf", Some("\"inf\"")),
            (NumberKind::Nat32, "1.0", None),
            (NumberKind::Nat32, "", None),
        ];
        for (kind, text, expected) in cases {
            let printed =
                parse(kind, text).and_then(|value| to_json(&value)).ok().map(|value| value.to_string());
            assert_eq!(printed.as_deref(), expected, "{kind:?} {text}");
        }
    }
}
