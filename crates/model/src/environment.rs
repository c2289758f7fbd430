//! Numbers from environment variables: seeds, and lengths of runs.

use std::str::FromStr;

/// Returns the value of an environment variable, or `None` if it is not set.
///
/// # Panics
///
/// If the value is not a number.
#[must_use]
pub fn number<T: FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is not a number")))
}

/// Returns the value of an environment variable or a default, and prints it, so that the run can be repeated.
///
/// # Panics
///
/// If the value is not a number.
#[must_use]
pub fn from_environment(variable: &str, otherwise: u64) -> u64 {
    let value = number(variable).unwrap_or(otherwise);
    println!("{variable}={value}");
    value
}
