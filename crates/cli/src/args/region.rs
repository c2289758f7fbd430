//! Arguments of the commands for regions.

use std::path::PathBuf;

use candid::Principal;
use clap::{Subcommand, ValueEnum};

use crate::size::parse_size;

/// Commands for regions.
#[derive(Debug, Subcommand)]
pub(crate) enum RegionCommand {
    /// Create a region, and print its identifier.
    New {
        /// Size in pages of 64 KiB.
        #[arg(default_value_t = 0)]
        pages: u64,
    },
    /// List the regions.
    Ls(super::HumanArgs),
    /// Show the metadata of a region.
    Info {
        /// Identifier of the region.
        id: u64,
    },
    /// Add pages to a region, and print its previous size in pages.
    Grow {
        /// Identifier of the region.
        id: u64,
        /// Number of pages of 64 KiB.
        pages: u64,
    },
    /// Write bytes of a region to standard output.
    Load {
        /// Identifier of the region.
        id: u64,
        /// Offset in bytes.
        #[arg(default_value = "0", value_parser = parse_size)]
        offset: u64,
        /// Length in bytes. Default: to the end of the region.
        #[arg(value_parser = parse_size)]
        length: Option<u64>,
    },
    /// Write a file, or standard input, to a region that is large enough.
    Store {
        /// Identifier of the region.
        id: u64,
        /// Offset in bytes.
        #[arg(value_parser = parse_size)]
        offset: u64,
        /// File, or - for standard input, which is stored as it arrives.
        file: PathBuf,
    },
    /// Print a number in a region.
    #[command(after_help = "\
Examples:
  storage region set 16 8 nat32 1000000
  storage region get 16 8 nat32")]
    Get {
        /// Identifier of the region.
        id: u64,
        /// Offset in bytes.
        #[arg(value_parser = parse_size)]
        offset: u64,
        /// Type of the number, which is little-endian.
        kind: NumberKind,
    },
    /// Write a number to a region.
    #[command(allow_negative_numbers = true)]
    Set {
        /// Identifier of the region.
        id: u64,
        /// Offset in bytes.
        #[arg(value_parser = parse_size)]
        offset: u64,
        /// Type of the number, which is little-endian.
        kind: NumberKind,
        /// The number.
        value: String,
    },
    /// Transfer a region to another principal.
    Give {
        /// Identifier of the region.
        id: u64,
        /// The new owner.
        owner: Principal,
    },
}

/// Type of a number.
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
    /// IEEE 754 double.
    Float,
}
