//! Parsing and printing of sizes and durations.

use std::time::Duration;

use crate::text::grouped;

/// Units of bytes, each 1,024 times the one before it.
const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// Format of sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sizes {
    /// With a unit, and in sentences with the exact number as well.
    #[default]
    Full,
    /// Only with a unit.
    Human,
    /// Bare numbers without units.
    Exact,
}

impl Sizes {
    /// Formats a size for a sentence, for example `1.2 GiB (1,288,490,189 bytes)`.
    pub(crate) fn full(self, bytes: u64) -> String {
        match (self, rounded(bytes)) {
            (Self::Exact, _) => format!("{bytes} bytes"),
            (Self::Human, _) => self.short(bytes),
            (Self::Full, Some(rounded)) => format!("{rounded} ({} bytes)", grouped(bytes)),
            (Self::Full, None) => crate::text::pluralize(bytes, "byte", "bytes"),
        }
    }

    /// Formats the speed of a transfer, for example `1.2 GiB/s`.
    pub(crate) fn rate(self, bytes: u64, elapsed: Duration) -> String {
        format!("{}/s", self.short(bytes_per_second(bytes, elapsed)))
    }

    /// Formats a size for a column, for example `1.2 GiB`.
    pub(crate) fn short(self, bytes: u64) -> String {
        if self == Self::Exact {
            return bytes.to_string();
        }
        rounded(bytes).unwrap_or_else(|| format!("{bytes} B"))
    }
}

/// Returns a number of bytes per second.
pub(crate) fn bytes_per_second(bytes: u64, elapsed: Duration) -> u64 {
    // A time of zero is one that is too short to be measured.
    let nanoseconds = elapsed.as_nanos().max(1);
    u64::try_from(u128::from(bytes) * 1_000_000_000 / nanoseconds).unwrap_or(u64::MAX)
}

/// Formats a size in the largest unit of which there is at least one, or returns `None` below 1 KiB.
fn rounded(bytes: u64) -> Option<String> {
    let tenths = |unit: u32| (u128::from(bytes) * 10 + (1 << (10 * unit - 1))) >> (10 * unit);
    let mut unit = bytes.checked_ilog2()? / 10;
    if unit == 0 {
        return None;
    }
    // 1,023.96 KiB would be rounded to 1024.0 KiB.
    if tenths(unit) >= 10_240 {
        unit += 1;
    }
    let tenths = tenths(unit);
    Some(format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit as usize - 1]))
}

/// Parses a size: 1073741824, 1GiB, 1.5 GB.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let failed = || format!("{text:?} is not a size; examples: 1073741824, 1GiB, 1.5TB");
    let (number, unit) = split(text);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err(failed()),
    };
    scaled(number, factor).ok_or_else(failed)
}

/// Parses a duration: 90, 90s, 15m, 12h, 7d. A number without a unit is in seconds.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let failed = || format!("{text:?} is not a duration; examples: 90s, 15m, 12h, 7d");
    let (number, unit) = split(text);
    // Elsewhere, M is a month.
    let factor = match unit {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(failed()),
    };
    scaled(number, factor).map(Duration::from_secs).ok_or_else(failed)
}

/// Formats a duration in the largest unit that divides it, for example `7 days`.
pub(crate) fn shown_duration(seconds: u64) -> String {
    for (unit, one, many) in [(86_400, "day", "days"), (3_600, "hour", "hours"), (60, "minute", "minutes")] {
        if seconds >= unit && seconds.is_multiple_of(unit) {
            return crate::text::pluralize(seconds / unit, one, many);
        }
    }
    crate::text::pluralize(seconds, "second", "seconds")
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(text.len());
    (text[..end].trim_end(), &text[end..])
}

/// Multiplies a decimal number by a factor, if the result is an integer in range.
fn scaled(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || fraction.len() > 9 {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(factor);
    whole.checked_add(u64::try_from(part / 10_u128.pow(fraction.len() as u32)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes are printed with units and the exact number, or as the number alone for scripts.
    #[test]
    fn sizes_have_units() {
        let cases = [
            (0, "0 bytes", "0 B"),
            (1, "1 byte", "1 B"),
            (1_023, "1,023 bytes", "1023 B"),
            (1_024, "1.0 KiB (1,024 bytes)", "1.0 KiB"),
            (1_048_575, "1.0 MiB (1,048,575 bytes)", "1.0 MiB"),
            (335_675_392, "320.1 MiB (335,675,392 bytes)", "320.1 MiB"),
            (1_288_490_189, "1.2 GiB (1,288,490,189 bytes)", "1.2 GiB"),
            (536_870_912_000, "500.0 GiB (536,870,912,000 bytes)", "500.0 GiB"),
            (u64::MAX, "16.0 EiB (18,446,744,073,709,551,615 bytes)", "16.0 EiB"),
        ];
        for (bytes, full, short) in cases {
            let shown = |sizes: Sizes| (sizes.full(bytes), sizes.short(bytes));
            assert_eq!(shown(Sizes::Full), (full.to_owned(), short.to_owned()));
            assert_eq!(shown(Sizes::Human), (short.to_owned(), short.to_owned()));
            assert_eq!(shown(Sizes::Exact), (format!("{bytes} bytes"), bytes.to_string()));
        }
    }

    /// A transfer that takes no measurable time has a speed as well.
    #[test]
    fn speeds_are_bytes_per_second() {
        let second = Duration::from_secs(1);
        for (bytes, elapsed, expected) in [
            (0, second, "0 B/s"),
            (3 << 20, second * 2, "1.5 MiB/s"),
            (3, second / 2, "6 B/s"),
            (1, Duration::ZERO, "953.7 MiB/s"),
            (u64::MAX, Duration::ZERO, "16.0 EiB/s"),
        ] {
            assert_eq!(Sizes::Full.rate(bytes, elapsed), expected);
        }
        assert_eq!(Sizes::Exact.rate(3 << 20, second), "3145728/s");
    }

    #[test]
    fn sizes_are_typed_with_and_without_units() {
        let cases = [
            ("1073741824", Some(1 << 30)),
            ("1GiB", Some(1 << 30)),
            ("1g", Some(1 << 30)),
            ("1.5 KiB", Some(1_536)),
            ("2TB", Some(2_000_000_000_000)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("16777216TiB", None),
            ("", None),
            ("GiB", None),
            ("-1", None),
            ("1.GiB", None),
            ("1e3", None),
            ("1 light-year", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_size(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn spans_of_time_are_typed_and_shown() {
        let cases = [
            ("90", Some((90, "90 seconds"))),
            ("120s", Some((120, "2 minutes"))),
            ("12h", Some((43_200, "12 hours"))),
            ("7d", Some((604_800, "7 days"))),
            ("1.5h", Some((5_400, "90 minutes"))),
            ("0", Some((0, "0 seconds"))),
            ("1 day", None),
            ("-1", None),
            ("1y", None),
            ("1M", None),
            ("1Min", None),
            ("1D", None),
        ];
        for (text, expected) in cases {
            let parsed = parse_duration(text).ok().map(|span| span.as_secs());
            assert_eq!(parsed, expected.map(|(seconds, _)| seconds), "{text}");
            assert_eq!(parsed.map(shown_duration).as_deref(), expected.map(|(_, shown)| shown));
        }
    }
}
