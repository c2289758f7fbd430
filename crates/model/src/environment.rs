//! Numbers from the environment: seeds, and how long a run is.

use std::str::FromStr;

/// A variable of the environment, nothing where it is not set.
///
/// # Panics
///
/// For a value that is no number.
#[must_use]
pub fn number<T: FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

/// A variable of the environment, or what it is otherwise. It is printed, so that a run can be repeated.
///
/// # Panics
///
/// For a value that is no number.
#[must_use]
pub fn from_environment(variable: &str, otherwise: u64) -> u64 {
    let value = number(variable).unwrap_or(otherwise);
    println!("{variable}={value}");
    value
}
