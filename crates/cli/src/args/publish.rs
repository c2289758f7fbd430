//! Arguments of the command `publish`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  storage publish dist                        under www/, at the root of the canister
  storage publish --compress gzip,brotli --delete dist
  storage publish --single-page index.html --watch dist
  storage publish --path /docs/ book docs     a second site, at /docs/

New and changed files are stored under the prefix, pages of HTML last; then the prefix is declared as a web site and certified, and its URL is printed. The objects under the prefix are public. The first site needs the role admin, later files the role writer. See docs/HTTP.md.

Options of the site that are not given stay as they are; '' removes one. Hidden files are not published, except .well-known. A file NAME.br or NAME.gz beside NAME is a compressed variant of it.")]
pub(crate) struct PublishArgs {
    /// The folder.
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
    /// Prefix of the keys, followed by a slash and the path in the folder.
    #[arg(default_value = "www")]
    pub(crate) prefix: String,
    /// Store compressed variants of text files as well, for browsers that accept them.
    #[arg(long, value_name = "CODING", value_delimiter = ',')]
    pub(crate) compress: Vec<Coding>,
    /// Remove objects under the prefix that are not in the folder.
    #[arg(long)]
    pub(crate) delete: bool,
    /// Remove without asking, even if nothing of what exists now would remain.
    #[arg(long, requires = "delete")]
    pub(crate) force: bool,
    /// Exclude files and folders with this name or path, as sync does. Can be given several times.
    #[arg(short = 'x', long, value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,
    /// Publish hidden files as well.
    #[arg(long)]
    pub(crate) hidden: bool,
    /// Publish again whenever a file changes, until Ctrl-C.
    #[arg(short, long, conflicts_with = "dry_run")]
    pub(crate) watch: bool,
    /// Change nothing, and report what would be done.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten, next_help_heading = "Site")]
    pub(crate) site: SiteArgs,
}

/// Options of the site.
#[derive(Debug, Default, Args)]
pub(crate) struct SiteArgs {
    /// Path of the URLs, which begins and ends with a slash. Default for a new site: /, the root of the canister.
    #[arg(long)]
    pub(crate) path: Option<String>,
    /// Name of the document that is shown for a folder. Default for a new site: index.html.
    #[arg(long, value_name = "NAME")]
    pub(crate) index: Option<String>,
    /// File that is shown, with status 404, for a path without a file. Default for a new site: 404.html, if it exists.
    #[arg(long, value_name = "FILE")]
    pub(crate) not_found: Option<String>,
    /// File that is shown, with status 200, for a path without a file: for an application that has its own routes.
    #[arg(long, value_name = "FILE")]
    pub(crate) single_page: Option<String>,
    /// Value of the header cache-control.
    #[arg(long, value_name = "VALUE")]
    pub(crate) cache_control: Option<String>,
    /// Other web sites that may read the responses: an origin, or * for all.
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) cors: Option<String>,
    /// Further header of every response. Can be given several times.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub(crate) headers: Option<Vec<(String, String)>>,
    /// Whether gateways verify the responses. Default for a new site: true.
    #[arg(long, value_name = "true|false")]
    pub(crate) certified: Option<bool>,
}

/// Parses a header; '' is none.
fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        _ if text.is_empty() => Ok(Default::default()),
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.trim().to_owned())),
        _ => Err("expected NAME: VALUE, for example 'x-frame-options: DENY'".to_owned()),
    }
}

/// Coding of the compressed variants of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Coding {
    /// Smallest; all current browsers accept it.
    Brotli,
    /// Accepted by every client.
    Gzip,
}
