//! Repeating calls without a reply.

use std::{num::NonZeroU32, time::Duration};

use crate::ClientError;

/// Number of attempts, and the delays between them.
///
/// The longest delay doubles with each attempt up to `max_delay`. The actual delay is random up to that, so that callers
/// that failed together do not retry together. Waiting needs a tokio runtime with time enabled.
///
/// Only calls for which two executions have the same outcome as one are repeated: queries, and the updates that
/// [`METHODS`](stable_storage_api::METHODS) declares as [`Repeat`](stable_storage_api::Unanswered::Repeat).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The most attempts, including the first.
    pub attempts: NonZeroU32,
    /// The longest delay before the second attempt.
    pub first_delay: Duration,
    /// The longest delay before any attempt.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    /// Six attempts, with delays of up to 500 ms, 1 s, 2 s, 4 s and 8 s.
    fn default() -> Self {
        Self {
            attempts: NonZeroU32::new(6).expect("six is not zero"),
            first_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// A single attempt.
    pub(crate) const NEVER: Self =
        Self { attempts: NonZeroU32::MIN, first_delay: Duration::ZERO, max_delay: Duration::ZERO };

    /// Returns the longest delay after `attempts` attempts.
    fn longest_delay(&self, attempts: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1));
        self.first_delay.saturating_mul(doubled).min(self.max_delay)
    }
}

/// Attempts of one call.
pub(crate) struct Attempts {
    policy: RetryPolicy,
    made: u32,
}

impl Attempts {
    pub(crate) fn new(policy: RetryPolicy) -> Self {
        Self { policy, made: 0 }
    }

    /// Waits and returns true if there is another attempt; otherwise returns false without waiting.
    pub(crate) async fn another(&mut self) -> bool {
        self.made += 1;
        if self.made >= self.policy.attempts.get() {
            return false;
        }
        let longest = self.policy.longest_delay(self.made);
        if !longest.is_zero() {
            tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
        }
        true
    }
}

impl ClientError {
    /// Returns whether the same call may succeed later. This attempt may have been executed nevertheless.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Transport { .. } => true,
            // Waiting does not bring cycles back.
            Self::Rejected { code, error_code, .. } => {
                *code == SYS_TRANSIENT && error_code.as_deref() != Some(OUT_OF_CYCLES)
            }
            Self::Storage { .. } | Self::Host { .. } | Self::Refused { .. } | Self::Decode { .. } => false,
        }
    }
}

/// Reject code of a transient error. A call rejected with it has not been executed.
const SYS_TRANSIENT: u32 = 2;

/// Error code of a canister without cycles, which has the reject code of a transient error.
const OUT_OF_CYCLES: &str = "IC0207";

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(code: u32, error_code: &str) -> ClientError {
        let error_code = Some(error_code.to_owned());
        ClientError::Rejected { method: "get", code, error_code, message: String::new() }
    }

    #[test]
    fn the_longest_delay_doubles_up_to_its_limit() {
        let policy = RetryPolicy::default();
        let delays = [1, 2, 3, 6, 7, 40, u32::MAX].map(|attempts| policy.longest_delay(attempts).as_millis());
        assert_eq!(delays, [500, 1_000, 2_000, 16_000, 30_000, 30_000, 30_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_as_many_attempts_as_the_policy_says_and_no_longer_delays() {
        for attempts in [1, 2, 6] {
            let policy = RetryPolicy {
                attempts: NonZeroU32::new(attempts).expect("it is not zero"),
                ..RetryPolicy::default()
            };
            let (mut made, mut of_call) = (1, Attempts::new(policy));
            let mut since = tokio::time::Instant::now();
            while of_call.another().await {
                // The clock of a paused runtime advances by its sleeps, rounded up to a millisecond.
                let longest = policy.longest_delay(made) + Duration::from_millis(1);
                assert!(since.elapsed() <= longest, "{:?} after attempt {made}", since.elapsed());
                since = tokio::time::Instant::now();
                made += 1;
            }
            assert_eq!(made, attempts);
        }
    }

    #[test]
    fn what_passes_is_silence_and_a_busy_replica() {
        let silence = ClientError::Transport { method: "get", message: String::new() };
        let full = rejected(2, "IC0204");
        let lasting =
            [rejected(2, "IC0207"), rejected(3, "IC0301"), rejected(4, "IC0406"), rejected(5, "IC0503")];
        let storage = ClientError::Storage { method: "get", error: stable_storage_api::Error::NotFound };
        assert!(silence.is_transient() && full.is_transient());
        assert!(!storage.is_transient() && lasting.iter().all(|error| !error.is_transient()));
    }
}
