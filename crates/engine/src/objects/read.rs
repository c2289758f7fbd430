//! Reading single objects.

use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;
use stable_storage_api::limits::MAX_REPLY_BYTES;
use stable_storage_api::{Error, Object, ObjectInfo, ReadArgs, check};

use super::entry::{Body, Head};
use crate::store::Store;
use crate::table::pieces;

impl<M: Memory + Clone> Store<M> {
    /// The whole value under a key.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::InvalidArgument`] for a key that cannot exist, [`Error::TooLarge`] for an object that
    /// does not fit one reply, and [`Error::Corrupted`].
    pub fn get(&self, key: &str) -> Result<Vec<u8>, Error> {
        self.with_entry(key, |head| {
            check_fits_reply(head.size)?;
            ValueView::of(self, &head).to_vec()
        })
    }

    /// A range of an object: as many bytes from an offset on as are asked for, are there, and fit one reply.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), but for the size; [`Error::OutOfRange`] for an offset behind the end, and
    /// [`Error::RevisionMismatch`] where the object does not have the revision that was asked for.
    pub fn read(&self, args: &ReadArgs) -> Result<Vec<u8>, Error> {
        let mut bytes =
            vec![0; args.length.map_or(MAX_REPLY_BYTES, |length| length.min(MAX_REPLY_BYTES)) as usize];
        let length = self.read_into(args, &mut bytes)?;
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Reads a range of an object to the front of a buffer, without another copy, and tells how many bytes it is: as many
    /// as are asked for, are there, and fit the buffer and one reply.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_into(&self, args: &ReadArgs, buffer: &mut [u8]) -> Result<usize, Error> {
        self.with_entry(&args.key, |head| {
            if args.revision.is_some_and(|revision| revision != head.revision) {
                return Err(Error::RevisionMismatch { current: Some(head.revision) });
            }
            let ReadArgs { offset, length, .. } = *args;
            let Some(rest) = head.size.checked_sub(offset) else {
                return Err(Error::OutOfRange {
                    offset,
                    length: length.unwrap_or_default(),
                    size: head.size,
                });
            };
            let length =
                length.unwrap_or(rest).min(rest).min(MAX_REPLY_BYTES).min(buffer.len() as u64) as usize;
            self.read_range(head.body, offset, &mut buffer[..length])?;
            Ok(length)
        })
    }

    /// Reads the whole value under a key to the front of a buffer, without another copy, and tells how many bytes it
    /// has. An empty buffer takes an empty value.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and [`Error::TooLarge`] for a value that is longer than the buffer.
    pub fn get_into(&self, key: &str, buffer: &mut [u8]) -> Result<usize, Error> {
        self.with_entry(key, |head| {
            let limit = buffer.len() as u64;
            let size = usize::try_from(head.size).ok().filter(|size| *size <= buffer.len());
            let size = size.ok_or(Error::TooLarge { size: head.size, limit })?;
            self.read_range(head.body, 0, &mut buffer[..size])?;
            Ok(size)
        })
    }

    /// The whole value under a key with what is known of the object, both of one moment.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_with_info(&self, key: &str) -> Result<Object, Error> {
        self.with_entry(key, |head| {
            check_fits_reply(head.size)?;
            let value = ByteBuf::from(ValueView::of(self, &head).to_vec()?);
            Ok(Object { info: head.entry()?.info(key.to_owned())?, value })
        })
    }

    /// The values under up to 1,000 keys in their order, nothing for a key without an object.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`Error::LimitExceeded`] for more than 1,000 keys, and [`Error::TooLarge`] where the values
    /// do not fit one reply.
    pub fn get_many<K: AsRef<str>>(&self, keys: &[K]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let mut values = Vec::with_capacity(keys.len());
        self.get_many_with(keys.iter().map(AsRef::as_ref), |value| {
            values.push(value.map(|value| value.to_vec()).transpose()?);
            Ok(())
        })?;
        Ok(values)
    }

    /// The same, value by value.
    ///
    /// # Errors
    ///
    /// As [`get_many`](Self::get_many), and what `take` returns.
    pub fn get_many_with<'k>(
        &self,
        keys: impl ExactSizeIterator<Item = &'k str>,
        mut take: impl FnMut(Option<&ValueView<'_, M>>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        check::batch(keys.len(), "keys in one get_many")?;
        let mut size = 0u64;
        for key in keys {
            check::key(key)?;
            let found = self.core.index.get_with(key.as_bytes(), |bytes| {
                let value = ValueView::of(self, &Head::decode(bytes)?);
                size = size.saturating_add(value.size());
                // What does not fit is only counted.
                if size > MAX_REPLY_BYTES { Ok(()) } else { take(Some(&value)) }
            })?;
            match found {
                Some(taken) => taken?,
                None => take(None)?,
            }
        }
        check_fits_reply(size)
    }

    /// What is known of an object without reading it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn stat(&self, key: &str) -> Result<ObjectInfo, Error> {
        self.with_entry(key, |head| head.entry()?.info(key.to_owned()))
    }

    /// A range of an object, which lies within it.
    pub(super) fn read_range(&self, body: Body<'_>, offset: u64, dst: &mut [u8]) -> Result<(), Error> {
        match body {
            Body::Inline(value) => dst.copy_from_slice(&value[offset as usize..offset as usize + dst.len()]),
            Body::Extent(extent) => self.core.arena.read(extent, offset, dst)?,
            Body::Table(table) => {
                let mut rest = dst;
                for piece in pieces(offset, rest.len() as u64) {
                    let (part, after) = rest.split_at_mut(piece.length as usize);
                    self.core.arena.read(
                        table.require(&self.core.arena, piece.number)?,
                        piece.offset,
                        part,
                    )?;
                    rest = after;
                }
            }
        }
        Ok(())
    }
}

/// A value where it lies.
pub struct ValueView<'a, M: Memory> {
    store: &'a Store<M>,
    body: Body<'a>,
    size: u64,
}

impl<'a, M: Memory + Clone> ValueView<'a, M> {
    pub(super) fn of(store: &'a Store<M>, head: &Head<'a>) -> Self {
        Self { store, body: head.body, size: head.size }
    }

    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads the whole value to a buffer of its size.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    ///
    /// # Panics
    ///
    /// Where the buffer has another size.
    pub fn read(&self, buffer: &mut [u8]) -> Result<(), Error> {
        assert_eq!(buffer.len() as u64, self.size, "the buffer has the size of the value");
        self.store.read_range(self.body, 0, buffer)
    }

    /// The whole value, which fits one reply.
    pub(super) fn to_vec(&self) -> Result<Vec<u8>, Error> {
        let mut value = vec![0; self.size as usize];
        self.read(&mut value)?;
        Ok(value)
    }
}

/// Refuses an object that does not fit one reply.
pub(super) fn check_fits_reply(size: u64) -> Result<(), Error> {
    if size > MAX_REPLY_BYTES { Err(Error::TooLarge { size, limit: MAX_REPLY_BYTES }) } else { Ok(()) }
}
