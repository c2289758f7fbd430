//! The keys of the measured objects: 21 bytes, in random order.

/// Keys are numbered below this.
const NUMBERS: u64 = 100_000_000;
/// The square root of [`NUMBERS`].
const HALF: u64 = 10_000;
/// Rounds of the Feistel network that permutes the numbers.
const ROUNDS: u64 = 4;

/// Returns the key of an object, `user/00001234/profile`. Different numbers give different keys, in random order.
pub(super) fn random(number: u64) -> String {
    let (mut left, mut right) = (number / HALF, number % HALF);
    for round in 0..ROUNDS {
        (left, right) = (right, (left + mixed(right * ROUNDS + round)) % HALF);
    }
    format!("user/{:08}/profile", left * HALF + right)
}

/// Returns a key that sorts after the keys of all smaller numbers and after all random keys.
pub(super) fn sequential(number: u64) -> String {
    assert!(number < NUMBERS, "a key has eight digits");
    format!("zone/{number:08}/profile")
}

/// The finaliser of SplitMix64.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn random_keys_are_different_and_in_no_order() {
        let keys: Vec<_> = (0..10_000).map(random).collect();
        assert!(keys.iter().all(|key| key.len() == 21));
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
        let ascending = keys.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((4_500..5_500).contains(&ascending), "{ascending} of 9,999 neighbours ascend");
    }
}
