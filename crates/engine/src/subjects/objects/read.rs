//! Reading single objects.

use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;
use stable_storage_api::limits::MAX_REPLY_BYTES;
use stable_storage_api::{Error, Object, ObjectInfo, ReadArgs, check};

use super::Objects;
use super::entry::{Entry, EntryHeader, ValueLocation};
use crate::core::Core;
use crate::core::table::pieces;
use crate::structures::arena::Arena;

impl<M: Memory + Clone> Objects<'_, M> {
    /// Returns the whole value under a key.
    pub(crate) fn get(&self, key: &str) -> Result<Vec<u8>, Error> {
        self.with_entry(key, |header| {
            check_fits_reply(header.size)?;
            ValueView::of(self.core, &header).to_vec()
        })
    }

    /// Returns a range of an object: the requested bytes, limited to the end of the object and to one reply.
    pub(crate) fn read(&self, args: &ReadArgs) -> Result<Vec<u8>, Error> {
        let mut bytes =
            vec![0; args.length.map_or(MAX_REPLY_BYTES, |length| length.min(MAX_REPLY_BYTES)) as usize];
        let length = self.read_into(args, &mut bytes)?;
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Reads a range of an object into the start of a buffer, without another copy. Returns the number of
    /// bytes: those requested, limited to the end of the object, to the buffer and to one reply.
    pub(crate) fn read_into(&self, args: &ReadArgs, buffer: &mut [u8]) -> Result<usize, Error> {
        self.with_entry(&args.key, |header| {
            if args.revision.is_some_and(|revision| revision != header.revision) {
                return Err(Error::RevisionMismatch { current: Some(header.revision) });
            }
            let ReadArgs { offset, length, .. } = *args;
            let Some(rest) = header.size.checked_sub(offset) else {
                return Err(Error::OutOfRange {
                    offset,
                    length: length.unwrap_or_default(),
                    size: header.size,
                });
            };
            let length =
                length.unwrap_or(rest).min(rest).min(MAX_REPLY_BYTES).min(buffer.len() as u64) as usize;
            read_range(&self.core.arena, header.location, offset, &mut buffer[..length])?;
            Ok(length)
        })
    }

    /// Reads the whole value under a key into the start of a buffer, without another copy. Returns the number
    /// of bytes. An empty value fits an empty buffer.
    pub(crate) fn get_into(&self, key: &str, buffer: &mut [u8]) -> Result<usize, Error> {
        self.with_entry(key, |header| {
            let limit = buffer.len() as u64;
            let size = usize::try_from(header.size).ok().filter(|size| *size <= buffer.len());
            let size = size.ok_or(Error::TooLarge { size: header.size, limit })?;
            read_range(&self.core.arena, header.location, 0, &mut buffer[..size])?;
            Ok(size)
        })
    }

    /// Returns the whole value under a key with its metadata, both of the same moment.
    pub(crate) fn get_with_info(&self, key: &str) -> Result<Object, Error> {
        self.with_entry(key, |header| {
            check_fits_reply(header.size)?;
            let value = ByteBuf::from(ValueView::of(self.core, &header).to_vec()?);
            Ok(Object { info: header.entry()?.info(key.to_owned())?, value })
        })
    }

    /// Returns the values under up to 1,000 keys, in their order; `None` for a key without an object.
    pub(crate) fn get_many<K: AsRef<str>>(&self, keys: &[K]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let mut values = Vec::with_capacity(keys.len());
        self.get_many_with(keys.iter().map(AsRef::as_ref), |value| {
            values.push(value.map(|value| value.to_vec()).transpose()?);
            Ok(())
        })?;
        Ok(values)
    }

    /// Passes the values under up to 1,000 keys to `take`, one by one, in the order of the keys.
    pub(crate) fn get_many_with<'k>(
        &self,
        keys: impl ExactSizeIterator<Item = &'k str>,
        mut take: impl FnMut(Option<&ValueView<'_, M>>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        check::batch(keys.len(), "keys in one get_many")?;
        let mut size = 0u64;
        for key in keys {
            check::key(key)?;
            let found = self.core.index.get_with(key.as_bytes(), |bytes| {
                let value = ValueView::of(self.core, &EntryHeader::decode(bytes)?);
                size = size.saturating_add(value.size());
                // A value that does not fit is only counted.
                if size > MAX_REPLY_BYTES { Ok(()) } else { take(Some(&value)) }
            })?;
            match found {
                Some(taken) => taken?,
                None => take(None)?,
            }
        }
        check_fits_reply(size)
    }

    /// Returns the metadata of an object without reading its value.
    pub(crate) fn stat(&self, key: &str) -> Result<ObjectInfo, Error> {
        self.with_entry(key, |header| header.entry()?.info(key.to_owned()))
    }
}

/// A value that can be read from its location.
pub struct ValueView<'a, M: Memory> {
    core: &'a Core<M>,
    location: ValueLocation<'a>,
    size: u64,
}

impl<'a, M: Memory + Clone> ValueView<'a, M> {
    pub(crate) fn of_entry(core: &'a Core<M>, entry: &Entry<'a>) -> Self {
        Self { core, location: entry.location, size: entry.size }
    }

    pub(super) fn of(core: &'a Core<M>, header: &EntryHeader<'a>) -> Self {
        Self { core, location: header.location, size: header.size }
    }

    /// Returns the size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads the whole value into a buffer of the same size.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    ///
    /// # Panics
    ///
    /// Panics if the buffer has another size.
    pub fn read(&self, buffer: &mut [u8]) -> Result<(), Error> {
        assert_eq!(buffer.len() as u64, self.size, "the buffer has the size of the value");
        read_range(&self.core.arena, self.location, 0, buffer)
    }

    /// Returns the whole value, which must fit in one reply.
    pub(crate) fn to_vec(&self) -> Result<Vec<u8>, Error> {
        let mut value = vec![0; self.size as usize];
        self.read(&mut value)?;
        Ok(value)
    }
}

/// Refuses an object that does not fit in one reply.
pub(crate) fn check_fits_reply(size: u64) -> Result<(), Error> {
    if size > MAX_REPLY_BYTES { Err(Error::TooLarge { size, limit: MAX_REPLY_BYTES }) } else { Ok(()) }
}

/// Reads a range of an object. The range must be within the object.
pub(crate) fn read_range<M: Memory>(
    arena: &Arena<M>,
    location: ValueLocation<'_>,
    offset: u64,
    dst: &mut [u8],
) -> Result<(), Error> {
    match location {
        ValueLocation::Inline(value) => {
            dst.copy_from_slice(&value[offset as usize..offset as usize + dst.len()])
        }
        ValueLocation::Extent(extent) => arena.read(extent, offset, dst)?,
        ValueLocation::Table(table) => {
            let mut rest = dst;
            for piece in pieces(offset, rest.len() as u64) {
                let (part, after) = rest.split_at_mut(piece.length as usize);
                arena.read(table.require(arena, piece.number)?, piece.offset, part)?;
                rest = after;
            }
        }
    }
    Ok(())
}
