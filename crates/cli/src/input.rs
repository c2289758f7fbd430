//! Content to store: a file or standard input, small or large.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
    time::SystemTime,
};

use anyhow::{Context, Result, anyhow};
use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};
use stable_storage_api::limits::MAX_PAYLOAD_BYTES;
use storage_client::{Hasher, Progress};
use tokio::task::yield_now;

use crate::{
    failure::{Changed, with_help},
    idle::{Idle, Stdin},
    text,
};

/// Bytes hashed in one step.
const HASH_BYTES: u64 = 1 << 20;

/// Content of any size.
pub(crate) enum Input {
    /// Content that fits one put.
    Small(Vec<u8>),
    /// Larger content.
    Large(LargeInput),
}

/// Content that can be read at any offset, more than once, and that should not change in between.
pub(crate) struct LargeInput {
    file: File,
    size: u64,
    /// Time of the last modification, for a file that others may write.
    modified: Option<SystemTime>,
}

impl Input {
    /// Reads the content of a file that was a regular one when it was found. Another kind of file may have replaced it, which
    /// is not waited for.
    pub(crate) fn open_regular(file: &Path) -> Result<Self> {
        let (opened, metadata) = open(file, OFlags::NONBLOCK)?;
        let failed = || format!("cannot read {}", text::path(file));
        if !metadata.is_file() {
            return Err(anyhow!(Changed).context("it is no longer a regular file").context(failed()));
        }
        Self::of_file(opened, &metadata).with_context(failed)
    }

    /// Reads the content of a file or of standard input.
    pub(crate) fn open(file: &Path, idle: &Idle) -> Result<Self> {
        if is_stream(file) {
            return Stdin::open(idle)
                .map_err(Into::into)
                .and_then(Self::of_stream)
                .context("cannot read standard input");
        }
        let failed = || format!("cannot read {}", text::path(file));
        let (opened, metadata) = open(file, OFlags::empty())?;
        // A pipe, for example, can be read only once.
        if !metadata.is_file() {
            return Self::of_stream(opened).with_context(failed);
        }
        Self::of_file(opened, &metadata).with_context(failed)
    }

    fn of_file(mut file: File, metadata: &Metadata) -> io::Result<Self> {
        let size = metadata.len();
        let input = LargeInput { file: file.try_clone()?, size, modified: metadata.modified().ok() };
        if size > MAX_PAYLOAD_BYTES {
            return Ok(Self::Large(input));
        }
        let mut content = Vec::with_capacity(size as usize + 1);
        Read::by_ref(&mut file).take(MAX_PAYLOAD_BYTES + 1).read_to_end(&mut content)?;
        // Some files, such as those of /proc, report a size of 0 but have content.
        let is_as_said =
            content.len() as u64 == size || size == 0 && content.len() as u64 <= MAX_PAYLOAD_BYTES;
        if !is_as_said || size > 0 && input.has_changed()? {
            return Err(io::Error::other(Changed));
        }
        Ok(Self::Small(content))
    }

    /// Reads a stream, and copies it to a temporary file if it is large: to resume an upload, whose chunks are sent only if
    /// the whole content has the declared SHA-256.
    fn of_stream(mut stream: impl Read) -> Result<Self> {
        let mut start = Vec::new();
        // One byte more than fits one put shows that the content does not fit.
        stream.by_ref().take(MAX_PAYLOAD_BYTES + 1).read_to_end(&mut start)?;
        if start.len() as u64 <= MAX_PAYLOAD_BYTES {
            return Ok(Self::Small(start));
        }
        let file = spool(&start, stream).context("cannot copy it to a temporary file")?;
        Ok(Self::Large(LargeInput { size: file.metadata()?.len(), file, modified: None }))
    }

    /// Converts small content, so that it can be read at any offset.
    pub(crate) fn into_large(self) -> Result<LargeInput> {
        match self {
            Self::Small(content) => {
                let file = spool(&content, io::empty()).context("cannot write a temporary file")?;
                Ok(LargeInput { file, size: content.len() as u64, modified: None })
            }
            Self::Large(input) => Ok(input),
        }
    }

    /// Computes the SHA-256 of the content.
    pub(crate) async fn sha256(&self, progress: &dyn Progress) -> io::Result<[u8; 32]> {
        match self {
            Self::Small(content) => Ok(Sha256::digest(content).into()),
            Self::Large(input) => input.sha256(progress).await,
        }
    }

    /// Returns the size in bytes.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Small(content) => content.len() as u64,
            Self::Large(input) => input.size,
        }
    }
}

impl LargeInput {
    /// Returns the size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Computes the SHA-256 of the content.
    pub(crate) async fn sha256(&self, progress: &dyn Progress) -> io::Result<[u8; 32]> {
        let (mut hasher, mut hashed) = (Hasher::default(), 0);
        let mut file = &self.file;
        file.rewind()?;
        while hashed < self.size {
            let length = HASH_BYTES.min(self.size - hashed);
            let mut piece = Vec::with_capacity(length as usize);
            Read::by_ref(&mut file).take(length).read_to_end(&mut piece)?;
            if piece.is_empty() {
                return Err(io::Error::other(Changed));
            }
            hashed += piece.len() as u64;
            hasher.update(Arc::new(piece));
            progress.safe(hashed, self.size);
            // Between two pieces, Ctrl-C must be handled.
            yield_now().await;
        }
        Ok(hasher.finish())
    }

    fn has_changed(&self) -> io::Result<bool> {
        let Some(modified) = self.modified else { return Ok(false) };
        let metadata = self.file.metadata()?;
        Ok(metadata.len() != self.size || metadata.modified()? != modified)
    }
}

impl Read for LargeInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        if read == 0 && !buffer.is_empty() && self.has_changed()? {
            return Err(io::Error::other(Changed));
        }
        Ok(read)
    }
}

impl Seek for LargeInput {
    /// Seeks. A transfer seeks to the end before it begins and before it commits; then this checks that the file is unchanged.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        if matches!(to, SeekFrom::End(_)) && self.has_changed()? {
            return Err(io::Error::other(Changed));
        }
        self.file.seek(to)
    }
}

/// Checks that [`Input::open`] can read a file, without reading it. A pipe or a device is not opened, because that can wait or
/// have an effect.
pub(crate) fn check(file: &Path) -> Result<()> {
    let is_special = || fs::metadata(file).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
    match is_stream(file) || is_special() {
        true => Ok(()),
        false => open(file, OFlags::NONBLOCK).map(drop),
    }
}

/// Opens a file that is not a folder.
fn open(file: &Path, flags: OFlags) -> Result<(File, Metadata)> {
    let mut options = File::options();
    options.read(true).custom_flags(flags.bits() as i32);
    let opened = options.open(file).with_context(|| format!("cannot open {}", text::path(file)))?;
    let metadata = opened.metadata().with_context(|| format!("cannot read {}", text::path(file)))?;
    if metadata.is_dir() {
        return Err(with_help(
            format!("{} is a folder", text::path(file)),
            format!("store the files in it with: storage sync {} PREFIX", text::argument(file)),
        ));
    }
    Ok((opened, metadata))
}

/// Returns whether a path stands for standard input or output.
pub(crate) fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Copies a stream, whose start has been read, to a temporary file.
fn spool(start: &[u8], mut rest: impl Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(start)?;
    io::copy(&mut rest, &mut file)?;
    file.rewind()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tempfile::NamedTempFile;

    use super::*;

    fn large(file: &NamedTempFile) -> LargeInput {
        match Input::open(file.path(), &Idle::default()).unwrap() {
            Input::Large(input) => input,
            Input::Small(_) => panic!("the file is a large one"),
        }
    }

    fn is_changed<T>(done: io::Result<T>) -> bool {
        done.err().and_then(io::Error::into_inner).is_some_and(|error| error.is::<Changed>())
    }

    /// A named pipe that has replaced a file is refused, also one without a writer, for which opening would wait.
    #[test]
    fn a_pipe_in_the_place_of_a_file_is_not_waited_for() {
        let folder = tempfile::TempDir::new().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let error = Input::open_regular(&pipe).err().unwrap();
        assert!(
            format!("{error:#}").ends_with("no longer a regular file: the file changed while it was read")
        );
        fs::remove_file(&pipe).unwrap();
        fs::write(&pipe, b"content").unwrap();
        assert!(
            matches!(Input::open_regular(&pipe).unwrap(), Input::Small(content) if content == b"content")
        );
    }

    /// A file that is truncated, extended or written while it is read is detected before the commit.
    #[test]
    fn change_while_reading_is_detected() {
        let file = NamedTempFile::new().unwrap();
        let size = MAX_PAYLOAD_BYTES + 10;
        file.as_file().set_len(size).unwrap();
        let mut input = large(&file);
        assert_eq!(input.seek(SeekFrom::End(0)).unwrap(), size);
        file.as_file().set_len(size - 1).unwrap();
        assert!(is_changed(input.seek(SeekFrom::End(0))));
        assert!(is_changed(input.read_to_end(&mut Vec::new())));

        let mut input = large(&file);
        let later = SystemTime::now() + Duration::from_secs(9);
        file.as_file().set_modified(later).unwrap();
        assert!(is_changed(input.seek(SeekFrom::End(0))));
    }
}
