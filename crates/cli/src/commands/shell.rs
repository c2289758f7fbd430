//! Completions and manual pages, made from the arguments themselves.

use std::{fs, io, path::Path};

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;

use crate::{args::Args, text};

pub(crate) fn completions(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "storage", &mut script);
    // A closed pipe is an error that the caller knows, where generating to standard output would panic.
    Ok(io::Write::write_all(&mut io::stdout(), &script)?)
}

pub(crate) fn man(folder: Option<&Path>) -> Result<()> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Args::command()).render(&mut page)?;
        return Ok(io::Write::write_all(&mut io::stdout(), &page)?);
    };
    let failed = || format!("cannot write manual pages to {}", text::path(folder));
    fs::create_dir_all(folder).with_context(failed)?;
    clap_mangen::generate_to(Args::command(), folder).with_context(failed)
}
