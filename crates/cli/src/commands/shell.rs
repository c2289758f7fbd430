//! The commands `completions` and `man`, generated from the arguments.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::{Command, CommandFactory};
use clap_complete::{Shell, env::Shells};
use clap_mangen::Man;

use crate::{args::Args, atomic_file::AtomicFile, context::Context, text};

/// Name of the command.
const NAME: &str = "storage";

/// Environment variable by which a completion script asks the command for candidates.
const VARIABLE: &str = "COMPLETE";

pub(crate) fn completions(shell: Shell) -> Result<()> {
    let shells = Shells::builtins();
    let shell = shell.to_string();
    let completer =
        shells.completer(&shell).with_context(|| format!("there are no completions for {shell}"))?;
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, NAME, NAME, NAME, &mut script)?;
    // The caller handles the error of a closed pipe.
    Ok(io::Write::write_all(&mut io::stdout(), &script)?)
}

/// Prints the manual page, or writes the pages of all commands to a folder, which is not that of a store.
pub(crate) fn man(folder: Option<&Path>, context: &Context) -> Result<()> {
    // This generates names such as storage-put.
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    let Some(folder) = folder else {
        return Ok(io::Write::write_all(&mut io::stdout(), page(&command)?.as_bytes())?);
    };
    let mut pages = Vec::new();
    pages_of(&command, folder, &mut pages)?;
    // A page may be a link into the folder of a store: then no page is written.
    for (path, _) in &pages {
        AtomicFile::check_with_folders(path, &context.store_folders)?;
    }
    for (path, page) in pages {
        let mut file = AtomicFile::create_with_folders(&path, &context.store_folders, &context.temporary)?;
        let written = file.sink().write_all(page.as_bytes()).and_then(|()| file.finish());
        written.with_context(|| format!("cannot write {}", text::path(&path)))?;
    }
    Ok(())
}

/// Adds the pages of a command and its subcommands, with their files.
fn pages_of(command: &Command, folder: &Path, pages: &mut Vec<(PathBuf, String)>) -> io::Result<()> {
    command.get_subcommands().try_for_each(|command| pages_of(command, folder, pages))?;
    pages.push((folder.join(Man::new(command.clone()).get_filename()), page(command)?));
    Ok(())
}

/// Returns the manual page of a command. Adds the values of options to the synopsis.
fn page(command: &Command) -> io::Result<String> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    let page = String::from_utf8(page).map_err(io::Error::other)?;
    let synopsis = page.lines().skip_while(|line| *line != ".SH SYNOPSIS").nth(1).unwrap_or_default();
    let mut with_values = synopsis.to_owned();
    for option in command.get_arguments().filter(|argument| argument.get_action().takes_values()) {
        let Some((long, names)) = option.get_long().zip(option.get_value_names()) else { continue };
        let (long, value) = (roff(long), roff(&names.join(" ")));
        let named = format!(r"\fB\-\-{long}\fR");
        with_values = with_values.replace(&format!("{named}]"), &format!(r"{named} \fI<{value}>\fR]"));
    }
    Ok(page.replace(synopsis, &with_values))
}

/// Escapes hyphens for roff.
fn roff(text: &str) -> String {
    text.replace('-', r"\-")
}
