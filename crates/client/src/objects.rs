//! Calls for one object.

use serde_bytes::{ByteBuf, Bytes};
use stable_storage_api::{Condition, Error, Object, ObjectInfo, PutArgs, RenameArgs, Written, check};

use crate::{Client, Result, Transport, call::Kind};

impl<T: Transport> Client<T> {
    /// Stores a value under a key, new or not.
    pub async fn put(&self, key: &str, value: &[u8]) -> Result<Written> {
        self.check("put", || check::key(key).and_then(|()| check::payload(value.len())))?;
        self.call(Kind::Update, "put", (key, Bytes::new(value))).await
    }

    /// The same with what an object can have besides its value: a content type, metadata, a digest, a condition.
    pub async fn put_with(&self, object: PutArgs) -> Result<Written> {
        self.check("put_with", || object.check())?;
        self.call(Kind::Update, "put_with", (object,)).await
    }

    /// The whole value under a key.
    pub async fn get(&self, key: &str) -> Result<Vec<u8>> {
        self.check("get", || check::key(key))?;
        self.call(Kind::Query, "get", (key,)).await.map(ByteBuf::into_vec)
    }

    /// The whole value under a key with what is known of the object, both of one moment: what a compare-and-set needs.
    pub async fn get_with_info(&self, key: &str) -> Result<Object> {
        self.check("get_with_info", || check::key(key))?;
        self.call(Kind::Query, "get_with_info", (key,)).await
    }

    /// What is known of an object without reading it.
    pub async fn stat(&self, key: &str) -> Result<ObjectInfo> {
        self.stat_by(Kind::Query, key).await
    }

    /// The same, as it is after every update that was answered, whichever node is asked.
    pub(crate) async fn stat_surely(&self, key: &str) -> Result<ObjectInfo> {
        self.stat_by(Kind::ReplicatedQuery, key).await
    }

    /// What is known of an object that was written with a revision that has been answered. Where the node that is asked has
    /// not seen that revision yet, one that certainly has is asked.
    pub async fn stat_since(&self, key: &str, revision: u64) -> Result<ObjectInfo> {
        match self.stat(key).await {
            Ok(info) if info.revision >= revision => Ok(info),
            Ok(_) => self.stat_surely(key).await,
            Err(error) if error.storage_error() == Some(&Error::NotFound) => self.stat_surely(key).await,
            Err(error) => Err(error),
        }
    }

    async fn stat_by(&self, kind: Kind, key: &str) -> Result<ObjectInfo> {
        self.check("stat", || check::key(key))?;
        self.call(kind, "stat", (key,)).await
    }

    /// Removes an object, and tells whether there was one.
    pub async fn delete(&self, key: &str) -> Result<bool> {
        self.check("delete", || check::key(key))?;
        self.call(Kind::Update, "delete", (key,)).await
    }

    /// Removes an object if the condition holds of what is there, and tells whether there was one.
    pub async fn delete_when(&self, key: &str, condition: Condition) -> Result<bool> {
        self.check("delete", || check::key(key))?;
        self.call(Kind::Update, "delete", (key, Some(condition))).await
    }

    /// Moves an object to another key, whatever is there now.
    pub async fn rename(&self, from: &str, to: &str) -> Result<Written> {
        self.rename_when(from, to, Condition::Any).await
    }

    /// Moves an object to another key if the condition holds of the object that is there now.
    pub async fn rename_when(&self, from: &str, to: &str, condition: Condition) -> Result<Written> {
        let args = RenameArgs { from: from.into(), to: to.into(), condition: Some(condition) };
        self.check("rename", || args.check())?;
        self.call(Kind::Update, "rename", (args,)).await
    }
}
