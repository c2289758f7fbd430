//! Writes the compressed image of a store after all operations to a file.
//!
//! Run it from crates/engine, once for each image; docs/FORMAT.md describes when.
//!
//! ```sh
//! cargo run -p storage-engine --features testing --example golden_image -- tests/golden/layout-v1.img.gz
//! cargo run -p storage-engine --features testing --example golden_image -- tests/golden/layout-v1-certified.img.gz certified
//! ```

use std::error::Error;
use std::fs::File;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use storage_engine::testing::{run_all, run_certified};
use storage_testkit::FaultyMemory;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("name the file to write")?;
    let memory = FaultyMemory::default();
    match std::env::args().nth(2).as_deref() {
        Some("certified") => run_certified(&memory),
        _ => run_all(&memory),
    }
    let mut packed = GzEncoder::new(File::create(path)?, Compression::best());
    memory.write_image(&mut packed)?;
    packed.finish()?.flush()?;
    Ok(())
}
