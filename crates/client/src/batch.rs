//! Calls for several objects.

use serde_bytes::ByteBuf;
use stable_storage_api::{DeleteArgs, DeletePrefixArgs, Deleted, Entry, PutArgs, Written, check};

use crate::{Client, Result, Transport, call::method};

impl<T: Transport> Client<T> {
    /// Stores values under different keys, each on its condition: all of them or none.
    pub async fn put_many(&self, objects: &[PutArgs]) -> Result<Vec<Written>> {
        self.check("put_many", || {
            check::batch(objects.len(), "objects in one put_many")?;
            objects.iter().try_for_each(PutArgs::check)
        })?;
        self.call(method!("put_many"), (objects,)).await
    }

    /// Returns the values under these keys, in their order; `None` for a key without an object.
    pub async fn get_many(&self, keys: &[impl AsRef<str> + Sync]) -> Result<Vec<Option<Vec<u8>>>> {
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        self.check("get_many", || {
            check::batch(keys.len(), "keys in one get_many")?;
            keys.iter().try_for_each(|key| check::key(key))
        })?;
        let values: Vec<Option<ByteBuf>> = self.call(method!("get_many"), (keys,)).await?;
        Ok(values.into_iter().map(|value| value.map(ByteBuf::into_vec)).collect())
    }

    /// Removes objects under different keys, each on its condition: all of them or none. Returns which of them existed.
    pub async fn delete_many(&self, objects: &[DeleteArgs]) -> Result<Vec<bool>> {
        self.check("delete_many", || {
            check::batch(objects.len(), "objects in one delete_many")?;
            objects.iter().try_for_each(DeleteArgs::check)
        })?;
        self.call(method!("delete_many"), (objects,)).await
    }

    /// Removes the first objects under a prefix, at most `limit` or 1,000, and returns whether more remain.
    pub async fn delete_prefix(&self, prefix: &str, limit: impl Into<Option<u32>> + Send) -> Result<Deleted> {
        let args = DeletePrefixArgs { prefix: prefix.into(), limit: limit.into() };
        self.check("delete_prefix", || args.check())?;
        self.call(method!("delete_prefix"), (args,)).await
    }

    /// Removes and returns the first object under a prefix, or `None` if there is none.
    pub async fn take_first(&self, prefix: &str) -> Result<Option<Entry>> {
        self.call(method!("take_first"), (prefix,)).await
    }
}
