//! What is fuzzed, as functions of bytes. The fuzz targets and an ordinary test of the engine share them.
//!
//! Each takes its input apart with `arbitrary`, and panics where something that has to hold does not.

mod base;
mod header;
mod image;
mod operations;
mod patch;
mod reads;
mod records;

pub use header::header;
pub use image::image;
pub use operations::operations;
pub use records::records;
