//! The fuzz targets, as functions of bytes. The fuzzer and an ordinary test of the engine share them.
//!
//! Each decodes its input with `arbitrary`, and panics if a property does not hold.

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
