//! Queries run beside each other and beside updates.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use embedded_ic::Config;
use embedded_ic_replica::Options;
use ic_agent::{Agent, Identity, identity::BasicIdentity};
use ic_management_canister_types::{CanisterInstallMode, InstallCodeArgs};
use tokio::task::JoinHandle;

use crate::harness::{Server, wasm};
use crate::management::manage;

/// For each of two tests: the number of queries that have printed, and whether they may continue.
static PAUSED: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
static CONTINUE: [(Mutex<bool>, Condvar); 2] = [const { (Mutex::new(false), Condvar::new()) }; 2];

/// Called when a query of test `N` prints.
fn pause<const N: usize>(_line: &[u8]) {
    PAUSED[N].fetch_add(1, Ordering::SeqCst);
    let (may_continue, changed) = &CONTINUE[N];
    let may_continue = may_continue.lock().unwrap();
    // A query that is never released panics, so that the test fails instead of hanging.
    let waited = changed.wait_timeout_while(may_continue, Duration::from_secs(60), |may| !*may).unwrap().1;
    assert!(!waited.timed_out(), "the query was not released");
}

fn release<const N: usize>() {
    *CONTINUE[N].0.lock().unwrap() = true;
    CONTINUE[N].1.notify_all();
}

/// Starts queries of test `N`, and waits until some are paused in the canister.
async fn paused<const N: usize>(
    server: &Arc<Server>,
    started: usize,
    number: usize,
) -> Vec<JoinHandle<[u32; 3]>> {
    let start = |_| {
        let server = Arc::clone(server);
        tokio::spawn(async move { counts(&server.anonymous().await, &server, "pause").await })
    };
    let queries: Vec<_> = (0..started).map(start).collect();
    while PAUSED[N].load(Ordering::SeqCst) < number {
        assert!(queries.iter().all(|query| !query.is_finished()), "a query has ended before it was released");
        tokio::task::yield_now().await;
    }
    queries
}

async fn pausing<const N: usize>() -> Arc<Server> {
    let config = Config::default().with_query_print(pause::<N>);
    Arc::new(Server::start_with(Options::default(), config).await)
}

async fn counts(agent: &Agent, server: &Server, method: &str) -> [u32; 3] {
    let reply = agent.query(&server.canister, method).call().await.unwrap();
    [0, 4, 8].map(|at| u32::from_le_bytes(reply[at..at + 4].try_into().unwrap()))
}

async fn count(agent: &Agent, server: &Server) -> u32 {
    let reply = agent.update(&server.canister, "count").call_and_wait().await.unwrap();
    u32::from_le_bytes(reply.try_into().unwrap())
}

/// While queries are in the canister, other queries are answered and updates are executed. The former do not see the updates.
#[tokio::test]
async fn a_long_query_delays_neither_queries_nor_updates() {
    let server = pausing::<0>().await;
    let agent = server.anonymous().await;
    count(&agent, &server).await;
    let long = paused::<0>(&server, 2, 2).await;
    for expected in 2..5 {
        assert_eq!(count(&agent, &server).await, expected);
        assert_eq!(counts(&agent, &server, "counts").await, [expected; 3]);
    }
    release::<0>();
    for query in long {
        assert_eq!(query.await.unwrap(), [1; 3]);
    }
    Arc::into_inner(server).unwrap().stop().await;
}

/// As many long queries as can run, and others that wait, do not delay updates.
#[tokio::test]
async fn waiting_queries_do_not_delay_updates() {
    let most = std::thread::available_parallelism().unwrap().get().max(4);
    let server = pausing::<1>().await;
    let agent = server.anonymous().await;
    let long = paused::<1>(&server, most + 4, most).await;
    for expected in 1..4 {
        assert_eq!(count(&agent, &server).await, expected);
    }
    assert_eq!(PAUSED[1].load(Ordering::SeqCst), most);
    release::<1>();
    for query in long {
        assert!([[0; 3], [3; 3]].contains(&query.await.unwrap()));
    }
    Arc::into_inner(server).unwrap().stop().await;
}

/// Runs queries on several connections while a function changes the canister. Each of them sees a whole state, and none that is
/// older than `answered` before it. Returns the server when all have ended.
async fn beside_queries(
    server: Server,
    answered: Arc<AtomicU32>,
    change: impl AsyncFnOnce(&Server, &AtomicU32),
) -> Server {
    let (server, is_done) = (Arc::new(server), Arc::new(AtomicBool::new(false)));
    let asking: Vec<_> = (0..6)
        .map(|_| {
            let (server, answered, is_done) =
                (Arc::clone(&server), Arc::clone(&answered), Arc::clone(&is_done));
            tokio::spawn(async move {
                let agent = server.anonymous().await;
                while !is_done.load(Ordering::SeqCst) {
                    let least = answered.load(Ordering::SeqCst);
                    let seen = counts(&agent, &server, "counts").await;
                    assert!(seen == [seen[0]; 3] && seen[0] >= least, "{least}: {seen:?}");
                }
            })
        })
        .collect();
    change(&server, &answered).await;
    is_done.store(true, Ordering::SeqCst);
    for query in asking {
        query.await.unwrap();
    }
    Arc::into_inner(server).unwrap()
}

/// Queries on several connections read what the last answered update wrote, and no part of an update.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_beside_updates_see_whole_states() {
    let server = beside_queries(Server::start().await, Arc::default(), async |server, answered| {
        let agent = server.anonymous().await;
        for expected in 1..=40 {
            assert_eq!(count(&agent, server).await, expected);
            answered.store(expected, Ordering::SeqCst);
        }
    });
    server.await.stop().await;
}

/// The module is replaced while queries run on several connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_beside_reinstallations_are_answered() {
    let owner = || BasicIdentity::from_raw_key(&[8; 32]);
    let config = Config::default().with_controllers(vec![owner().sender().unwrap()]);
    let server = Server::start_with(Options::default(), config).await;
    let server = beside_queries(server, Arc::default(), async |server, _| {
        let agent = server.agent(owner()).await;
        for _ in 0..10 {
            let args = InstallCodeArgs {
                mode: CanisterInstallMode::Reinstall,
                canister_id: server.canister,
                wasm_module: wasm(),
                arg: Vec::new(),
                sender_canister_version: None,
            };
            manage(&agent, server.canister, "install_code", &args).await.unwrap();
            let agent = server.anonymous().await;
            assert_eq!(counts(&agent, server, "counts").await, [0; 3]);
            assert_eq!(count(&agent, server).await, 1);
        }
    });
    server.await.stop().await;
}
