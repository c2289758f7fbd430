//! Tests of the management canister's methods.

use candid::{CandidType, Principal, decode_one, encode_one};
use embedded_ic::Config;
use embedded_ic_replica::Options;
use ic_agent::{Agent, AgentError, Identity, identity::BasicIdentity};
use ic_management_canister_types::{
    CanisterIdRecord, CanisterInstallMode, CanisterSettings, CanisterStatusResult, ChunkHash,
    FetchCanisterLogsArgs, FetchCanisterLogsResult, InstallChunkedCodeArgs, InstallCodeArgs,
    UpdateSettingsArgs, UploadChunkArgs,
};
use sha2::{Digest, Sha256};

use crate::harness::{Server, wasm};

fn owner() -> BasicIdentity {
    BasicIdentity::from_raw_key(&[8; 32])
}

async fn server() -> Server {
    let config = Config::default().with_controllers(vec![owner().sender().unwrap()]);
    Server::start_with(Options::default(), config).await
}

pub(crate) async fn manage(
    agent: &Agent,
    about: Principal,
    method: &str,
    args: impl CandidType,
) -> Result<Vec<u8>, AgentError> {
    let arg = encode_one(args).unwrap();
    let call = agent.update(&Principal::management_canister(), method);
    call.with_effective_canister_id(about).with_arg(arg).call_and_wait().await
}

async fn ask(
    agent: &Agent,
    about: Principal,
    method: &str,
    args: impl CandidType,
) -> Result<Vec<u8>, AgentError> {
    let query = agent.query(&Principal::management_canister(), method);
    query.with_effective_canister_id(about).with_arg(encode_one(args).unwrap()).call().await
}

fn reject_text(error: AgentError) -> String {
    match error {
        AgentError::CertifiedReject { reject, .. } | AgentError::UncertifiedReject { reject, .. } => {
            reject.reject_message
        }
        other => format!("{other:?}"),
    }
}

/// Controllers can read the status, by update and by query. Other callers cannot.
#[tokio::test]
async fn the_status_is_for_controllers() {
    let server = server().await;
    let (agent, id) = (server.agent(owner()).await, server.canister);
    let about = CanisterIdRecord { canister_id: id };
    for reply in [
        manage(&agent, id, "canister_status", &about).await.unwrap(),
        ask(&agent, id, "canister_status", &about).await.unwrap(),
    ] {
        let status: CanisterStatusResult = decode_one(&reply).unwrap();
        assert_eq!(status.settings.controllers, [owner().sender().unwrap()]);
        assert_eq!(status.module_hash.unwrap(), Sha256::digest(wasm())[..]);
    }
    let anonymous = server.anonymous().await;
    let said = reject_text(manage(&anonymous, id, "canister_status", &about).await.unwrap_err());
    assert!(said.contains("Only controllers of canister"), "{said}");
    let said = reject_text(ask(&anonymous, id, "canister_status", &about).await.unwrap_err());
    assert!(said.contains("Only controllers of canister"), "{said}");
    server.stop().await;
}

/// Controllers can change the controllers. Other settings are rejected without a change.
#[tokio::test]
async fn controllers_are_changed() {
    let server = server().await;
    let (agent, id) = (server.agent(owner()).await, server.canister);
    let (me, other) = (owner().sender().unwrap(), BasicIdentity::from_raw_key(&[9; 32]));
    let settings = |settings| UpdateSettingsArgs { canister_id: id, settings, sender_canister_version: None };
    let both = vec![me, other.sender().unwrap()];
    let change = CanisterSettings {
        controllers: Some(both.clone()),
        freezing_threshold: Some(1_u8.into()),
        ..Default::default()
    };
    let said = reject_text(manage(&agent, id, "update_settings", settings(change)).await.unwrap_err());
    assert!(said.contains("the controllers only"), "{said}");
    let none = CanisterSettings { controllers: Some(vec![]), ..Default::default() };
    let said = reject_text(manage(&agent, id, "update_settings", settings(none)).await.unwrap_err());
    assert!(said.contains("at least one controller"), "{said}");
    assert_eq!(agent.read_state_canister_controllers(id).await.unwrap(), [me]);
    let change = CanisterSettings { controllers: Some(both.clone()), ..Default::default() };
    manage(&agent, id, "update_settings", settings(change)).await.unwrap();
    assert_eq!(agent.read_state_canister_controllers(id).await.unwrap(), both);
    let agent = server.agent(other).await;
    manage(&agent, id, "canister_status", CanisterIdRecord { canister_id: id }).await.unwrap();
    server.stop().await;
}

/// A module is installed from one message or from chunks. A missing chunk and a wrong hash are rejected.
#[tokio::test]
async fn modules_are_installed() {
    let server = server().await;
    let (agent, id) = (server.agent(owner()).await, server.canister);
    let about = CanisterIdRecord { canister_id: id };
    // A custom section more makes it another module.
    let next = [&wasm()[..], &[0, 3, 1, b'x', b'y']].concat();
    let install = |mode, wasm_module| InstallCodeArgs {
        mode,
        canister_id: id,
        wasm_module,
        arg: vec![],
        sender_canister_version: None,
    };
    let upgrade = CanisterInstallMode::Upgrade(None);
    let said = reject_text(
        manage(&agent, id, "install_code", install(upgrade, b"none".to_vec())).await.unwrap_err(),
    );
    assert!(said.contains("Wasm module is not valid"), "{said}");
    manage(&agent, id, "install_code", install(upgrade, next.clone())).await.unwrap();
    assert_eq!(agent.read_state_canister_module_hash(id).await.unwrap(), Sha256::digest(&next)[..]);

    let module = wasm();
    let mut hashes: Vec<ChunkHash> = Vec::new();
    for chunk in module.chunks(module.len() / 2) {
        let args = UploadChunkArgs { canister_id: id, chunk: chunk.to_vec() };
        hashes.push(decode_one(&manage(&agent, id, "upload_chunk", args).await.unwrap()).unwrap());
    }
    let stored: Vec<ChunkHash> =
        decode_one(&manage(&agent, id, "stored_chunks", &about).await.unwrap()).unwrap();
    assert_eq!(stored.len(), hashes.len());
    let chunked = |hash: &[u8]| InstallChunkedCodeArgs {
        mode: upgrade,
        target_canister: id,
        store_canister: None,
        chunk_hashes_list: hashes.clone(),
        wasm_module_hash: hash.to_vec(),
        arg: vec![],
        sender_canister_version: None,
    };
    let said = reject_text(manage(&agent, id, "install_chunked_code", chunked(&[7; 32])).await.unwrap_err());
    assert!(said.contains("does not match given hash"), "{said}");
    manage(&agent, id, "install_chunked_code", chunked(&Sha256::digest(&module))).await.unwrap();
    assert_eq!(agent.read_state_canister_module_hash(id).await.unwrap(), Sha256::digest(&module)[..]);
    manage(&agent, id, "clear_chunk_store", &about).await.unwrap();
    let said = reject_text(
        manage(&agent, id, "install_chunked_code", chunked(&Sha256::digest(&module))).await.unwrap_err(),
    );
    assert!(said.contains("was not found in the store"), "{said}");
    server.stop().await;
}

/// Controllers can read the canister's log by query.
#[tokio::test]
async fn logs_are_read_by_controllers() {
    let server = server().await;
    let (agent, id) = (server.agent(owner()).await, server.canister);
    agent.update(&id, "print").call_and_wait().await.unwrap();
    agent.update(&id, "fail").call_and_wait().await.unwrap_err();
    let args = || FetchCanisterLogsArgs { canister_id: id, filter: None };
    let logs: FetchCanisterLogsResult =
        decode_one(&ask(&agent, id, "fetch_canister_logs", args()).await.unwrap()).unwrap();
    assert_eq!(logs.canister_log_records[0].content, b"no");
    assert_eq!(logs.canister_log_records.len(), 2);
    let anonymous = server.anonymous().await;
    let said = reject_text(ask(&anonymous, id, "fetch_canister_logs", args()).await.unwrap_err());
    assert!(said.contains("Only controllers"), "{said}");
    let said = reject_text(manage(&agent, id, "fetch_canister_logs", args()).await.unwrap_err());
    assert!(said.contains("non-replicated mode"), "{said}");
    server.stop().await;
}

/// A stopped canister rejects messages until it is started.
#[tokio::test]
async fn a_canister_is_stopped_and_started() {
    let server = server().await;
    let (agent, id) = (server.agent(owner()).await, server.canister);
    let about = CanisterIdRecord { canister_id: id };
    manage(&agent, id, "stop_canister", &about).await.unwrap();
    let said = reject_text(agent.update(&id, "count").call_and_wait().await.unwrap_err());
    assert!(said.contains("is not running"), "{said}");
    manage(&agent, id, "start_canister", &about).await.unwrap();
    agent.update(&id, "count").call_and_wait().await.unwrap();
    server.stop().await;
}

/// Unsupported methods and other canisters are rejected.
#[tokio::test]
async fn unsupported_methods_are_rejected() {
    let server = server().await;
    let (agent, id) = (server.agent(owner()).await, server.canister);
    let about = CanisterIdRecord { canister_id: id };
    for method in ["create_canister", "delete_canister", "raw_rand", "sign_with_ecdsa", "", "canister_statu"]
    {
        let said = reject_text(manage(&agent, id, method, &about).await.unwrap_err());
        assert!(said.contains("has no method"), "{method}: {said}");
    }
    let other = Principal::from_slice(&[9; 10]);
    let said = reject_text(
        manage(&agent, id, "canister_status", CanisterIdRecord { canister_id: other }).await.unwrap_err(),
    );
    assert!(said.contains("400"), "{said}");
    server.stop().await;
}
