//! What can be said about regions.

use std::path::PathBuf;

use candid::Principal;
use clap::{Subcommand, ValueEnum};

/// What to do with regions.
#[derive(Debug, Subcommand)]
pub(crate) enum RegionCommand {
    /// Make a region, and print its number.
    New {
        /// How many pages of 64 KiB it is to have.
        #[arg(default_value_t = 0)]
        pages: u64,
    },
    /// List the regions.
    Ls,
    /// Show what is known of a region.
    Info {
        /// Its number.
        id: u64,
    },
    /// Add pages to a region, and print how many it had.
    Grow {
        /// Its number.
        id: u64,
        /// How many pages of 64 KiB.
        pages: u64,
    },
    /// Write bytes of a region to standard output.
    Load {
        /// Its number.
        id: u64,
        /// Where, in bytes from its start.
        #[arg(default_value_t = 0)]
        offset: u64,
        /// How many bytes. Without it, all to its end.
        length: Option<u64>,
    },
    /// Write a file, or standard input, to a region, which must be large enough.
    Store {
        /// Its number.
        id: u64,
        /// Where, in bytes from its start.
        offset: u64,
        /// The file, or - for standard input, which is stored as it comes.
        file: PathBuf,
    },
    /// Print a number of a region.
    #[command(after_help = "\
Examples:
  storage region set 16 8 nat32 1000000
  storage region get 16 8 nat32")]
    Get {
        /// Its number.
        id: u64,
        /// Where, in bytes from its start.
        offset: u64,
        /// What lies there, little-endian.
        kind: NumberKind,
    },
    /// Write a number to a region.
    #[command(allow_negative_numbers = true)]
    Set {
        /// Its number.
        id: u64,
        /// Where, in bytes from its start.
        offset: u64,
        /// What is to lie there, little-endian.
        kind: NumberKind,
        /// The number.
        value: String,
    },
    /// Make another principal the owner of a region.
    Give {
        /// Its number.
        id: u64,
        /// Who is to own it.
        owner: Principal,
    },
}

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NumberKind {
    Nat8,
    Nat16,
    Nat32,
    Nat64,
    Int8,
    Int16,
    Int32,
    Int64,
    /// An IEEE 754 double.
    Float,
}
