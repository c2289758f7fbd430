//! Calls for one object.

use serde_bytes::{ByteBuf, Bytes};
use stable_storage_api::{Condition, Error, Object, ObjectInfo, PutArgs, RenameArgs, Written, check};

use crate::{Client, Result, Transport, call::method};

impl<T: Transport> Client<T> {
    /// Stores a value under a key, and replaces an existing object.
    pub async fn put(&self, key: &str, value: &[u8]) -> Result<Written> {
        self.check("put", || check::key(key).and_then(|()| check::payload(value.len())))?;
        self.call(method!("put"), (key, Bytes::new(value))).await
    }

    /// Stores a value with optional content type, content encoding, metadata, digest and condition.
    pub async fn put_with(&self, object: PutArgs) -> Result<Written> {
        self.check("put_with", || object.check())?;
        self.call(method!("put_with"), (object,)).await
    }

    /// Returns the whole value under a key.
    pub async fn get(&self, key: &str) -> Result<Vec<u8>> {
        self.check("get", || check::key(key))?;
        self.call(method!("get"), (key,)).await.map(ByteBuf::into_vec)
    }

    /// Returns the value under a key and its metadata, read in one message, for compare-and-set.
    pub async fn get_with_info(&self, key: &str) -> Result<Object> {
        self.check("get_with_info", || check::key(key))?;
        self.call(method!("get_with_info"), (key,)).await
    }

    /// Returns the value under a key and its metadata, by a replicated call.
    pub(crate) async fn get_with_info_replicated(&self, key: &str) -> Result<Object> {
        self.check("get_with_info", || check::key(key))?;
        self.call_replicated(method!("get_with_info"), (key,)).await
    }

    /// Returns the metadata of an object.
    pub async fn stat(&self, key: &str) -> Result<ObjectInfo> {
        self.check("stat", || check::key(key))?;
        self.call(method!("stat"), (key,)).await
    }

    /// Returns the metadata of an object, by a replicated call: as of a moment after every update that was answered before.
    pub async fn stat_replicated(&self, key: &str) -> Result<ObjectInfo> {
        self.check("stat", || check::key(key))?;
        self.call_replicated(method!("stat"), (key,)).await
    }

    /// Returns the metadata of an object as [`stat_replicated`](Self::stat_replicated), or `None` if there is no object.
    pub async fn find_replicated(&self, key: &str) -> Result<Option<ObjectInfo>> {
        match self.stat_replicated(key).await {
            Err(error) if error.storage_error() == Some(&Error::NotFound) => Ok(None),
            found => found.map(Some),
        }
    }

    /// Returns the metadata of an object that was written with this revision or a later one. If the node that executes the
    /// query lags the update, the query is repeated as a replicated call.
    pub async fn stat_since(&self, key: &str, revision: u64) -> Result<ObjectInfo> {
        match self.stat(key).await {
            Ok(info) if info.revision >= revision => Ok(info),
            Ok(_) => self.stat_replicated(key).await,
            Err(error) if error.storage_error() == Some(&Error::NotFound) => self.stat_replicated(key).await,
            Err(error) => Err(error),
        }
    }

    /// Removes an object, and returns whether it existed.
    pub async fn delete(&self, key: &str) -> Result<bool> {
        self.check("delete", || check::key(key))?;
        self.call(method!("delete"), (key,)).await
    }

    /// Removes an object if the condition holds, and returns whether it existed.
    pub async fn delete_when(&self, key: &str, condition: Condition) -> Result<bool> {
        self.check("delete", || check::key(key).and_then(|()| check::condition(Some(&condition))))?;
        self.call(method!("delete"), (key, Some(condition))).await
    }

    /// Moves an object to another key, and replaces an existing object there.
    pub async fn rename(&self, from: &str, to: &str) -> Result<Written> {
        self.rename_when(from, to, Condition::Any).await
    }

    /// Moves an object to another key if the condition holds for the object there.
    pub async fn rename_when(&self, from: &str, to: &str, condition: Condition) -> Result<Written> {
        let args = RenameArgs { from: from.into(), to: to.into(), condition: Some(condition) };
        self.check("rename", || args.check())?;
        self.call(method!("rename"), (args,)).await
    }
}
