//! Verified reads of commands with `--verify`.

use anyhow::{Context as _, Result};
use stable_storage_api::{Error, ObjectInfo};
use storage_client::{ClientError, Level, TransferError, VerifiedError};
use storage_verify::{MAINNET_ROOT_KEY, Verifier};

use crate::{failure::with_help, notes::Notes, store::StoreClient, transport::AnyTransport};

/// Returns the verifier of a store's replies. A note states where a root key comes from that is not the mainnet's,
/// because then a proof is worth only as much as the host that reported the key.
pub(crate) async fn verifier(client: &StoreClient, notes: Notes) -> Result<Verifier> {
    let (root_key, canister) = match client.transport() {
        AnyTransport::Folder(folder) => {
            folder.open().await?;
            notes.say("verifying with the root key of the store in this folder");
            let found = folder.with_host(|host| Ok((host.signer()?.root_key().to_vec(), host.canister_id())));
            found?.map_err(|error: embedded_ic::HostError| {
                anyhow::Error::new(error).context("cannot read the root key of the store")
            })?
        }
        AnyTransport::Agent(agent) => {
            let root_key = agent.root_key();
            if root_key != MAINNET_ROOT_KEY {
                notes.say(&format!("verifying with the root key that {} has reported", agent.url()));
            }
            (root_key, agent.canister())
        }
        #[cfg(test)]
        AnyTransport::Fake(_) => unreachable!("its replies are not signed"),
    };
    Verifier::new(&root_key, canister).context("cannot verify replies")
}

/// Returns the verifier if the flag is given.
pub(crate) async fn verifier_if(flag: bool, client: &StoreClient, notes: Notes) -> Result<Option<Verifier>> {
    if flag { verifier(client, notes).await.map(Some) } else { Ok(None) }
}

/// Returns all objects under a prefix; with a verifier, proven to be all of them.
pub(crate) async fn list_all(
    client: &StoreClient,
    verifier: Option<&Verifier>,
    prefix: &str,
) -> Result<Vec<ObjectInfo>> {
    match verifier {
        None => Ok(client.list_all(prefix).await?),
        Some(verifier) => client.verified(verifier).list_all(prefix).await.map_err(explain),
    }
}

/// Returns the objects and folders directly under a prefix. With a verifier, all objects in the folders are read as well,
/// because a proof covers objects and not folders.
pub(crate) async fn list_level(
    client: &StoreClient,
    verifier: Option<&Verifier>,
    prefix: &str,
) -> Result<Level> {
    if verifier.is_none() {
        return Ok(client.list_level(prefix, "/").await?);
    }
    let mut level = Level::default();
    for info in list_all(client, verifier, prefix).await? {
        match info.key[prefix.len()..].find('/') {
            None => level.objects.push(info),
            Some(at) => {
                let folder = &info.key[..=prefix.len() + at];
                if level.prefixes.last().is_none_or(|last| last != folder) {
                    level.prefixes.push(folder.to_owned());
                }
            }
        }
    }
    Ok(level)
}

/// Returns the metadata of an object; with a verifier, it or its absence is proven.
pub(crate) async fn stat(
    client: &StoreClient,
    verifier: Option<&Verifier>,
    key: &str,
) -> Result<ObjectInfo, VerifiedError> {
    match verifier {
        None => Ok(client.stat(key).await?),
        Some(verifier) => {
            let info = client.verified(verifier).stat(key).await?;
            info.ok_or_else(|| {
                ClientError::Storage { method: "stat_certified", error: Error::NotFound }.into()
            })
        }
    }
}

/// Returns the error of a call or transfer, or what is not proven, with what to do about it.
pub(crate) fn explain(error: VerifiedError) -> anyhow::Error {
    match error {
        VerifiedError::Client(error) => error.into(),
        VerifiedError::Transfer(error) => error.into(),
        unproven => {
            let help = unproven.hint().unwrap_or_default();
            with_help(unproven.to_string(), help)
        }
    }
}

/// Returns the error of a transfer.
///
/// # Errors
/// What is not proven.
pub(crate) fn of_transfer(error: VerifiedError) -> Result<TransferError> {
    match error {
        VerifiedError::Client(error) => Ok(error.into()),
        VerifiedError::Transfer(error) => Ok(error),
        unproven => Err(explain(unproven)),
    }
}
