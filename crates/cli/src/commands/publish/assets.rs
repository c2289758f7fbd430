//! The objects that the files of a folder become: their content types, and their compressed variants.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
use stable_storage_api::{MetadataPair, ObjectInfo, SOURCE_DIGEST, limits::HTTP_PIECE_BYTES};
use storage_client::{Progress as _, transfer::Unobserved};
use tempfile::TempDir;
use tokio::task::yield_now;

use super::compress::{CODINGS, is_compressible};
use crate::{
    args::Coding,
    content_type,
    context::Context,
    input::Input,
    text,
    tree::{Attributes, Content, Entry, known_digest},
};

/// Compressed variants that are not files of the folder.
pub(super) struct Variants {
    /// Number of variants that the store already has.
    pub(super) unchanged: u64,
    /// The others. The folder is removed with this value.
    folder: TempDir,
}

/// Adds content types and compressed variants to the files of a folder. Variants that the store already has are taken out of
/// `existing`. A file that cannot be read has no variants; storing it reports why.
pub(super) async fn prepare(
    context: &Context,
    codings: &[Coding],
    entries: &mut Vec<Entry>,
    existing: &mut BTreeMap<String, Entry>,
) -> Result<Variants> {
    add_attributes(entries).await;
    let folder = TempDir::new().context("cannot create a folder for compressed files")?;
    let mut variants = Variants { unchanged: 0, folder };
    let sources = sources(entries, codings);
    let bar = context.bars.bar("encoding", sources.iter().map(|(entry, _)| entry.size).sum());
    let (mut made, mut done) = (Vec::new(), 0);
    for (entry, missing) in sources {
        if let Some(source) = Source::read(entry) {
            for coding in missing {
                made.extend(variants.add(&source, coding, existing)?);
            }
        }
        done += entry.size;
        bar.part(0).safe(done, 0);
        // Between two files, Ctrl-C must be handled.
        yield_now().await;
    }
    drop(bar);
    entries.append(&mut made);
    entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok(variants)
}

/// Sets the content types; of a file that is a variant of another one, also the encoding.
async fn add_attributes(entries: &mut [Entry]) {
    let documents: BTreeMap<_, _> =
        entries.iter().filter_map(|entry| Some((entry.name.clone(), file_of(entry)?.to_owned()))).collect();
    for entry in entries {
        let mut attributes =
            Attributes { content_type: content_type::guess(&entry.name), ..Attributes::default() };
        if let Some((coding, document)) = document_of(&entry.name, &documents)
            && let Ok(digest) = digest_of(document).await
        {
            attributes = attributes_of_variant(content_type::guess(document), coding, hex::encode(digest));
        }
        entry.attributes = Some(Box::new(attributes));
    }
}

/// Returns the file that a file with this name is a variant of, if there is one.
fn document_of<'a>(name: &str, files: &'a BTreeMap<String, PathBuf>) -> Option<(Coding, &'a Path)> {
    CODINGS.into_iter().find_map(|coding| {
        let document = files.get(name.strip_suffix(coding.suffix())?)?;
        Some((coding, document.as_path()))
    })
}

/// Returns the attributes of a variant. Its metadata ties it to its document: a site ignores it once the document has changed.
fn attributes_of_variant(content_type: Option<String>, coding: Coding, digest: String) -> Attributes {
    let content_encoding = Some(coding.name().to_owned());
    Attributes {
        content_type,
        content_encoding,
        metadata: Some(vec![MetadataPair::new(SOURCE_DIGEST, digest)]),
    }
}

/// Returns the files that are compressed, and the variants that the folder does not have.
fn sources<'a>(entries: &'a [Entry], codings: &[Coding]) -> Vec<(&'a Entry, Vec<Coding>)> {
    let is_missing = |entry: &Entry, coding: Coding| {
        let name = variant_name(entry, coding);
        entries.binary_search_by(|other| other.name.cmp(&name)).is_err()
    };
    let missing = |entry: &'a Entry| {
        let Attributes { content_type, content_encoding, .. } = entry.attributes.as_deref()?;
        let is_text = content_type.as_deref().is_some_and(|name| is_compressible(name, entry.size));
        let wanted = CODINGS.into_iter().filter(|coding| codings.contains(coding));
        let missing: Vec<_> = wanted.filter(|coding| is_missing(entry, *coding)).collect();
        (is_text && content_encoding.is_none() && !missing.is_empty()).then_some((entry, missing))
    };
    entries.iter().filter_map(missing).collect()
}

fn variant_name(entry: &Entry, coding: Coding) -> String {
    format!("{}{}", entry.name, coding.suffix())
}

fn file_of(entry: &Entry) -> Option<&Path> {
    match &entry.content {
        Content::File(path) => Some(path),
        Content::Object(_) => None,
    }
}

async fn digest_of(file: &Path) -> Result<[u8; 32]> {
    Ok(Input::open_regular(file)?.sha256(&Unobserved).await?)
}

/// File that is compressed.
struct Source<'a> {
    entry: &'a Entry,
    content: Vec<u8>,
    /// SHA-256 in hexadecimal.
    digest: String,
}

impl<'a> Source<'a> {
    /// Reads a file of any size. Returns `None` if it cannot be read.
    fn read(entry: &'a Entry) -> Option<Self> {
        let content = match Input::open_regular(file_of(entry)?).ok()? {
            Input::Small(content) => content,
            Input::Large(mut input) => {
                let mut content = Vec::new();
                input.read_to_end(&mut content).ok()?;
                content
            }
        };
        Some(Self { entry, digest: hex::encode(Sha256::digest(&content)), content })
    }
}

impl Variants {
    /// Compresses a file, unless the store has the variant. Returns `None` if it has, or if the variant is hardly smaller or too
    /// large for a site.
    fn add(
        &mut self,
        source: &Source<'_>,
        coding: Coding,
        existing: &mut BTreeMap<String, Entry>,
    ) -> Result<Option<Entry>> {
        let name = variant_name(source.entry, coding);
        let content_type = content_type::guess(&source.entry.name);
        let attributes = attributes_of_variant(content_type, coding, source.digest.clone());
        let is_current = |info: &ObjectInfo| known_digest(info).is_some() && attributes.are_of(info);
        if let Some(Entry { content: Content::Object(info), .. }) = existing.get(&name)
            && is_current(info)
        {
            existing.remove(&name);
            self.unchanged += 1;
            return Ok(None);
        }
        let encoded = coding.encode(&source.content).context("cannot compress a file")?;
        let size = encoded.len() as u64;
        if size > source.entry.size / 10 * 9 || size > HTTP_PIECE_BYTES {
            return Ok(None);
        }
        // Errors name the path, so it ends like the key.
        let path = self.folder.path().join(&name);
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(self.folder.path()))?;
            fs::write(&path, encoded)
        };
        write().with_context(|| format!("cannot write {}", text::path(&path)))?;
        let attributes = Some(Box::new(attributes));
        Ok(Some(Entry { name, size, modified_ns: 0, content: Content::File(path), attributes }))
    }
}
