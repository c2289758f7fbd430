//! Network with scripted or random faults.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use candid::Principal;
use fastrand::Rng;
use storage_client::{EmbeddedTransport, Transport, TransportError};

/// Fate of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Executed and answered.
    Arrives,
    /// Not executed, and no reply.
    RequestLost,
    /// Executed, but the reply is lost.
    ReplyLost,
    /// No reply, and executed some time later.
    Late,
    /// Executed twice; the second reply arrives.
    Twice,
    /// Rejected by a busy replica before it is executed.
    Busy,
}

/// Statistics of the network.
#[derive(Default)]
pub(crate) struct Traffic {
    /// Number of calls sent, by method.
    pub(crate) sent: BTreeMap<String, usize>,
    /// The most concurrent calls.
    pub(crate) most_under_way: usize,
    /// The most bytes of arguments in concurrent calls.
    pub(crate) most_bytes: usize,
    under_way: usize,
    bytes: usize,
    chance: Option<Rng>,
    script: BTreeMap<String, VecDeque<Fate>>,
    lasting: BTreeMap<String, Fate>,
}

/// Carries calls to a canister. Clones share the network.
#[derive(Clone)]
pub(crate) struct Network {
    canister: EmbeddedTransport,
    traffic: Arc<Mutex<Traffic>>,
}

impl Network {
    /// Creates a network without faults.
    pub(crate) fn over(canister: EmbeddedTransport) -> Self {
        Self { canister, traffic: Arc::default() }
    }

    /// Chooses the fate of each call at random.
    pub(crate) fn with_chance(self, seed: u64) -> Self {
        self.traffic().chance = Some(Rng::with_seed(seed));
        self
    }

    /// Sets the fates of the next calls of a method, in order.
    pub(crate) fn script(&self, method: &str, fates: &[Fate]) {
        self.traffic().script.entry(method.to_owned()).or_default().extend(fates);
    }

    /// Sets the fate of all calls of a method that are not scripted.
    pub(crate) fn always(&self, method: &str, fate: Fate) {
        self.traffic().lasting.insert(method.to_owned(), fate);
    }

    /// Returns the canister, without the network.
    pub(crate) fn canister(&self) -> &EmbeddedTransport {
        &self.canister
    }

    pub(crate) fn into_canister(self) -> EmbeddedTransport {
        self.canister
    }

    /// Returns how often a method was sent.
    pub(crate) fn sent(&self, method: &str) -> usize {
        self.traffic().sent.get(method).copied().unwrap_or_default()
    }

    pub(crate) fn traffic(&self) -> std::sync::MutexGuard<'_, Traffic> {
        self.traffic.lock().expect("no call panics")
    }

    async fn carry(&self, is_update: bool, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        let (fate, before, after) = self.traffic().decide(is_update, method);
        let _under_way = UnderWay::new(self, arg.len());
        tokio::time::sleep(before).await;
        let answer = match fate {
            Fate::Arrives => self.call(is_update, method, arg).await,
            Fate::RequestLost => lost(),
            Fate::ReplyLost => self.call(is_update, method, arg).await.and_then(|_| lost()),
            Fate::Late => {
                let (network, method) = (self.clone(), method.to_owned());
                tokio::spawn(async move {
                    tokio::time::sleep(after * 5).await;
                    // The client has given up waiting for this reply.
                    drop(network.call(is_update, &method, arg).await);
                });
                lost()
            }
            Fate::Twice => {
                drop(self.call(is_update, method, arg.clone()).await);
                self.call(is_update, method, arg).await
            }
            Fate::Busy => Err(TransportError::Rejected {
                code: 2,
                error_code: Some("IC0204".into()),
                message: "the ingress history is full".into(),
            }),
        };
        tokio::time::sleep(after).await;
        answer
    }

    async fn call(&self, is_update: bool, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        if is_update {
            self.canister.update(method, arg).await
        } else {
            self.canister.query(method, arg).await
        }
    }
}

fn lost() -> Result<Vec<u8>, TransportError> {
    Err(TransportError::Unavailable { message: "lost".into() })
}

impl Traffic {
    fn decide(&mut self, is_update: bool, method: &str) -> (Fate, Duration, Duration) {
        *self.sent.entry(method.to_owned()).or_default() += 1;
        let scripted = self.script.get_mut(method).and_then(VecDeque::pop_front);
        let known = scripted.or_else(|| self.lasting.get(method).copied());
        let Some(rng) = &mut self.chance else {
            return (known.unwrap_or(Fate::Arrives), Duration::ZERO, Duration::ZERO);
        };
        let delays = [rng.u64(0..2_000), rng.u64(0..2_000)].map(Duration::from_millis);
        // A replica executes a repeated message once, because it is the same message. Only a call that the client sends again as
        // a new message can be executed twice.
        let may_come_twice = !is_update || matches!(method, "write_chunk" | "verify");
        let fate = known.unwrap_or_else(|| match rng.u8(0..10) {
            0 => Fate::RequestLost,
            1 => Fate::ReplyLost,
            2 => Fate::Late,
            3 => Fate::Busy,
            4 if may_come_twice => Fate::Twice,
            _ => Fate::Arrives,
        });
        (fate, delays[0], delays[1])
    }
}

/// Counts a call while it is in progress, also if the client gives up on it.
struct UnderWay<'a> {
    network: &'a Network,
    bytes: usize,
}

impl<'a> UnderWay<'a> {
    fn new(network: &'a Network, bytes: usize) -> Self {
        let mut traffic = network.traffic();
        traffic.under_way += 1;
        traffic.bytes += bytes;
        traffic.most_under_way = traffic.most_under_way.max(traffic.under_way);
        traffic.most_bytes = traffic.most_bytes.max(traffic.bytes);
        Self { network, bytes }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut traffic = self.network.traffic();
        traffic.under_way -= 1;
        traffic.bytes -= self.bytes;
    }
}

impl Transport for Network {
    async fn update(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.carry(true, method, arg).await
    }

    async fn query(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.carry(false, method, arg).await
    }

    fn caller(&self) -> Option<Principal> {
        self.canister.caller()
    }
}
