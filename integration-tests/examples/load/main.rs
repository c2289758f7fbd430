//! Loads a canister on the embedded host with millions of items, and measures operations as the number grows.
//!
//! `scripts/load.sh` runs it. It prints a line per result, tab-separated: series, number of items, instructions, and for an
//! upgrade the milliseconds. With `--chart FILE` it draws such lines, from standard input, instead.

mod chart;
mod churn;
mod host;
mod log;
mod objects;
mod uploads;

use std::io::{IsTerminal, stderr};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Numbers of items at which the cost is measured: 1,000, 10,000, … up to the maximum, and the maximum.
fn checkpoints(most: u64) -> Vec<u64> {
    let mut all: Vec<_> = std::iter::successors(Some(1_000u64), |count| count.checked_mul(10))
        .take_while(|count| *count < most)
        .collect();
    all.push(most);
    all
}

/// Prints a result.
fn report(series: &str, count: u64, instructions: u64) {
    println!("{series}\t{count}\t{instructions}");
}

/// Prints the results of an upgrade.
fn report_upgrade(series: &str, count: u64, (instructions, time): (u64, Duration)) {
    println!("{series}\t{count}\t{instructions}\t{:.1}", time.as_secs_f64() * 1_000.0);
}

/// Returns a progress bar for `steps` steps, if there is a terminal.
fn bar(what: &'static str, steps: u64) -> ProgressBar {
    let target =
        if stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{msg:10} {bar:30} {human_pos} of {human_len}, {eta} left");
    ProgressBar::with_draw_target(Some(steps), target)
        .with_style(style.expect("the template is well-formed"))
        .with_message(what)
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .map_or(otherwise, |value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => {
            log::run(number("STORAGE_LOAD_ENTRIES", 10_000_000));
            uploads::run(number("STORAGE_LOAD_UPLOADS", 100_000));
            churn::run(number("STORAGE_LOAD_CHURN", 10_000));
            objects::run(number("STORAGE_LOAD_OBJECTS", 10_000_000));
        }
        [flag, file] if flag == "--chart" => chart::draw(std::io::stdin().lock(), Path::new(file)),
        _ => panic!("the arguments are none, or --chart FILE"),
    }
}
