//! The status of recent calls. It prevents a second execution of a message, and clients poll it for outcomes.

use std::collections::{BTreeSet, HashMap, VecDeque};

use candid::Principal;
use embedded_ic::StateTree;
use ic_transport_types::{RejectResponse, RequestId};
use tokio::sync::watch;

use crate::envelope::nanos;
use crate::limits::{KEPT_AFTER_EXPIRY, MAX_KEPT_REPLY_BYTES, MAX_REQUESTS};
use crate::outcome::Outcome;

/// Bytes of a certificate besides the reply that it is about.
const CERTIFICATE_BYTES: usize = 1_024;

/// The progress of a call, which waiting requests observe.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Received,
    Processing,
    /// The call was not accepted, and its status is not kept.
    Refused(RejectResponse),
    Finished,
}

/// The sender and the recipient of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) sender: Principal,
    pub(crate) canister: Principal,
    /// The canister that the call is about.
    pub(crate) effective: Principal,
}

/// The stored status of a call.
#[derive(Debug)]
struct Entry {
    origin: Origin,
    forgotten_ns: u64,
    steps: watch::Receiver<Step>,
    outcome: Option<Outcome>,
}

/// The recent calls by request id.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    entries: HashMap<[u8; 32], Entry>,
    by_time: BTreeSet<(u64, [u8; 32])>,
    /// Finished calls, oldest first.
    kept: VecDeque<[u8; 32]>,
    kept_bytes: usize,
}

/// The result of [`Requests::admit`].
pub(crate) enum Admission {
    /// The call is new. The caller executes it and sends its steps here.
    New(watch::Sender<Step>),
    /// The same message has arrived before.
    Known(watch::Receiver<Step>),
    /// The limit of known calls is reached.
    Full,
}

impl Requests {
    /// Registers a call, unless it is known.
    pub(crate) fn admit(&mut self, id: RequestId, origin: Origin, expiry_ns: u64, now_ns: u64) -> Admission {
        self.forget(now_ns);
        if let Some(entry) = self.entries.get(&*id) {
            return Admission::Known(entry.steps.clone());
        }
        if self.entries.len() >= MAX_REQUESTS {
            return Admission::Full;
        }
        let (sender, steps) = watch::channel(Step::Received);
        let forgotten_ns = expiry_ns.saturating_add(nanos(KEPT_AFTER_EXPIRY));
        self.by_time.insert((forgotten_ns, *id));
        self.entries.insert(*id, Entry { origin, forgotten_ns, steps, outcome: None });
        Admission::New(sender)
    }

    /// Stores the outcome of a call.
    pub(crate) fn finish(&mut self, id: RequestId, outcome: Outcome) {
        let Some(entry) = self.entries.get_mut(&*id) else { return };
        self.kept_bytes += outcome.bytes();
        self.kept.push_back(*id);
        entry.outcome = Some(outcome);
        // The newest outcome stays, because a client is waiting for it.
        while self.kept_bytes > MAX_KEPT_REPLY_BYTES && self.kept.len() > 1 {
            self.forget_oldest_outcome();
        }
    }

    /// Removes a call that was not accepted.
    pub(crate) fn withdraw(&mut self, id: RequestId) {
        if let Some(entry) = self.entries.remove(&*id) {
            self.by_time.remove(&(entry.forgotten_ns, *id));
        }
    }

    /// Returns the bytes of the outcome of a call, 0 if there is none, and what a certificate has around it.
    pub(crate) fn outcome_bytes(&self, id: &[u8]) -> usize {
        let entry = <&[u8; 32]>::try_from(id).ok().and_then(|id| self.entries.get(id));
        entry.and_then(|entry| entry.outcome.as_ref()).map_or(0, Outcome::bytes) + CERTIFICATE_BYTES
    }

    /// Returns the origin of a call, if it is known.
    pub(crate) fn origin(&self, id: &[u8]) -> Option<Origin> {
        let id: &[u8; 32] = id.try_into().ok()?;
        self.entries.get(id).map(|entry| entry.origin)
    }

    /// Adds the status of a call to a state tree.
    pub(crate) fn describe(&self, id: &[u8], tree: &mut StateTree) {
        let Some(entry) = <&[u8; 32]>::try_from(id).ok().and_then(|id| self.entries.get(id)) else { return };
        let mut put =
            |name: &str, value: &[u8]| tree.insert(&[b"request_status", id, name.as_bytes()], value);
        match &entry.outcome {
            None if matches!(*entry.steps.borrow(), Step::Received) => put("status", b"received"),
            None => put("status", b"processing"),
            Some(Outcome::Done) => put("status", b"done"),
            Some(Outcome::Replied(reply)) => {
                put("status", b"replied");
                put("reply", reply);
            }
            Some(Outcome::Rejected(reject)) => {
                put("status", b"rejected");
                put("reject_code", &[reject.reject_code as u8]);
                put("reject_message", reject.reject_message.as_bytes());
                if let Some(code) = &reject.error_code {
                    put("error_code", code.as_bytes());
                }
            }
        }
    }

    /// Removes expired calls.
    fn forget(&mut self, now_ns: u64) {
        while let Some(&(time, id)) = self.by_time.first().filter(|(time, _)| *time < now_ns) {
            self.by_time.remove(&(time, id));
            if let Some(Entry { outcome: Some(outcome), .. }) = self.entries.remove(&id) {
                self.kept_bytes -= outcome.bytes();
            }
        }
        while self.kept.front().is_some_and(|id| !self.entries.contains_key(id)) {
            self.kept.pop_front();
        }
    }

    fn forget_oldest_outcome(&mut self) {
        let Some(id) = self.kept.pop_front() else { return };
        if let Some(entry) = self.entries.get_mut(&id)
            && let Some(outcome) = entry.outcome.replace(Outcome::Done)
        {
            self.kept_bytes -= outcome.bytes();
        }
    }
}
