//! The log: the behaviour of Motoko's StableLog, and extensions.

use candid::Nat;
use integration_tests::{Harness, SuiteClient, data, expect, stable_log::StableLog};
use stable_storage_api::{Error, limits::MAX_PAYLOAD_BYTES};

const MAX_PAYLOAD: usize = MAX_PAYLOAD_BYTES as usize;

/// 2^100, far beyond any number of entries.
fn huge() -> Nat {
    Nat::from(1_u128 << 100)
}

/// Appends texts to the canister's log and to the model.
async fn log_both(client: &SuiteClient, model: &mut StableLog, texts: impl IntoIterator<Item = String>) {
    for text in texts {
        client.log(&text).await.unwrap();
        model.log(&text);
    }
}

/// `log` and `readLast` return what StableLog does, for every count up to one beyond the first entry.
#[tokio::test]
async fn read_last_answers_as_stable_log() {
    let client = Harness::start().await.client();
    let mut model = StableLog::default();
    let odd = ["", "one", "", "", "zwei\n", "três", "鍵\0鍵", "🦀", " ", ""].map(str::to_owned);
    log_both(&client, &mut model, odd.into_iter().chain([data::key_of_length(70_000), String::new()])).await;
    for count in 0..=13_usize {
        assert_eq!(client.read_last(count).await.unwrap(), model.read_last(count), "readLast({count})");
    }
}

/// A `readLast` of 0 is empty, and one of 2^100 returns all entries, also on an empty log.
#[tokio::test]
async fn read_last_takes_any_number() {
    let client = Harness::start().await.client();
    let nothing: [&str; 0] = [];
    assert_eq!(client.read_last(0_u8).await.unwrap(), nothing);
    assert_eq!(client.read_last(1_u8).await.unwrap(), nothing);
    assert_eq!(client.read_last(huge()).await.unwrap(), nothing);
    client.log("").await.unwrap();
    assert_eq!(client.read_last(0_u8).await.unwrap(), nothing);
    assert_eq!(client.read_last(huge()).await.unwrap(), [""]);
    client.log("last").await.unwrap();
    assert_eq!(client.read_last(u64::MAX).await.unwrap(), ["last", ""]);
    assert_eq!(client.read_last(huge()).await.unwrap(), ["last", ""]);
}

/// Several hundred random texts are read back as from the model, also between two index points.
#[tokio::test]
async fn a_long_log_is_that_of_the_model() {
    let client = Harness::start().await.client();
    let mut model = StableLog::default();
    let mut random = data::Random::new(7);
    let texts = (0..300).map(|_| "é".repeat(random.below(40)) + &"x".repeat(random.below(3)));
    log_both(&client, &mut model, texts.collect::<Vec<_>>()).await;
    for count in [1, 63, 64, 65, 128, 299, 300, 301] {
        assert_eq!(
            client.read_last(count as u64).await.unwrap(),
            model.read_last(count),
            "readLast({count})"
        );
    }
    let info = client.log_info().await.unwrap();
    assert_eq!((info.length, info.bytes), (300, model.bytes().len() as u64));
}

/// `readLast` returns as many of the newest entries as fit one reply, instead of trapping.
#[tokio::test]
async fn read_last_is_bounded_by_bytes() {
    let client = Harness::start().await.client();
    for number in 0..5 {
        client.log(&format!("{number}{}", "x".repeat(600_000))).await.unwrap();
    }
    let texts = client.read_last(huge()).await.unwrap();
    assert_eq!(texts.iter().map(|text| &text[..1]).collect::<Vec<_>>(), ["4", "3", "2"]);
}

/// The largest entry is appended and read back, by both methods.
#[tokio::test]
async fn the_largest_entry_comes_back() {
    let client = Harness::start().await.client();
    let text = "x".repeat(MAX_PAYLOAD);
    client.log(&text).await.unwrap();
    assert!(client.read_last(1_u8).await.unwrap() == [text.as_str()]);
    client.append(&[data::bytes(1, MAX_PAYLOAD)]).await.unwrap();
    let page = client.read_log(0, 10).await.unwrap();
    assert!(page.entries == [text.as_bytes()]);
    assert_eq!((page.next, page.length), (1, 2));
    let page = client.read_log(1, 10).await.unwrap();
    assert!(page.entries == [data::bytes(1, MAX_PAYLOAD)]);
}

/// An entry one byte too long is rejected by both methods, and the log is unchanged.
#[tokio::test]
async fn an_entry_one_byte_too_long_is_refused() {
    let client = Harness::start().await.client();
    client.log("there").await.unwrap();
    let before = client.log_info().await.unwrap();
    let message = expect::refused(client.log(&"x".repeat(MAX_PAYLOAD + 1)).await);
    assert!(message.contains("2031617") && message.contains("2031616"), "{message}");
    let error = expect::refused(client.append(&[vec![0; MAX_PAYLOAD + 1]]).await);
    assert!(error.contains("too large: 2031617 bytes, the limit is 2031616"), "{error}");
    assert_eq!(client.log_info().await.unwrap(), before);
    assert_eq!(client.read_last(2_u8).await.unwrap(), ["there"]);
}

/// `append` accepts any bytes, returns their indexes, and shares the log with `log`.
#[tokio::test]
async fn texts_and_bytes_share_one_log() {
    let client = Harness::start().await.client();
    client.log("text").await.unwrap();
    let entries = [vec![0, 255, 254], vec![], data::bytes(1, 100_000)];
    let appended = client.append(&entries).await.unwrap();
    assert_eq!((appended.first, appended.next), (1, 4));
    let appended = client.append(&["more"]).await.unwrap();
    assert_eq!((appended.first, appended.next), (4, 5));

    let read = client.read_log_all(0).await.unwrap();
    assert_eq!(read, [&b"text"[..], &entries[0], &entries[1], &entries[2], b"more"]);
    assert_eq!(client.read_last(1_u8).await.unwrap(), ["more"]);
}

/// Forward pages of any size, from any index, return every entry once, also across index points.
#[tokio::test]
async fn forward_pages_give_every_entry_once() {
    let client = Harness::start().await.client();
    let entries: Vec<String> = (0..200).map(|number| number.to_string().repeat(number % 5)).collect();
    client.append(&entries).await.unwrap();
    for limit in [1, 7, 63, 64, 65, 1_000] {
        let (mut next, mut read) = (0, Vec::new());
        while next < 200 {
            let page = client.read_log(next, limit).await.unwrap();
            assert_eq!(page.next, next + page.entries.len() as u64);
            assert_eq!(page.length, 200);
            assert!(!page.entries.is_empty() && page.entries.len() <= limit as usize);
            next = page.next;
            read.extend(page.entries.into_iter().map(|entry| String::from_utf8(entry.into_vec()).unwrap()));
        }
        assert_eq!(read, entries, "pages of {limit}");
    }
    for from in [0, 1, 62, 63, 64, 65, 127, 128, 129, 199] {
        let page = client.read_log(from, 1).await.unwrap();
        assert_eq!(page.entries, [entries[from as usize].as_bytes()], "entry {from}");
    }
}

/// A page at the end is empty, one beyond it is out of range, and a limit of 0 is rejected.
#[tokio::test]
async fn a_page_starts_within_the_log() {
    let client = Harness::start().await.client();
    client.append(&["a", "b"]).await.unwrap();
    let page = client.read_log(2, u32::MAX).await.unwrap();
    assert_eq!((page.entries.len(), page.next, page.length), (0, 2, 2));
    for from in [3, u64::MAX] {
        let error = expect::storage_error(client.read_log(from, 7).await);
        assert_eq!(error, Error::OutOfRange { offset: from, length: 7, size: 2 });
    }
    let page = client.read_log(0, u32::MAX).await.unwrap();
    assert_eq!((page.entries.len(), page.next), (2, 2));
    let error = expect::storage_error(client.read_log(0, 0).await);
    assert!(matches!(error, Error::InvalidArgument { .. }), "{error:?}");
}

/// A page ends where the next entry would not fit the reply.
#[tokio::test]
async fn a_forward_page_is_bounded_by_bytes() {
    let client = Harness::start().await.client();
    for number in 0..4 {
        client.append(&[data::bytes(number, 900_000)]).await.unwrap();
    }
    let page = client.read_log(0, 100).await.unwrap();
    assert_eq!((page.entries.len(), page.next, page.length), (2, 2, 4));
    assert_eq!(client.read_log_all(0).await.unwrap().len(), 4);
}

/// One entry that is too long rejects a whole `append`.
#[tokio::test]
async fn an_append_is_all_or_nothing() {
    let client = Harness::start().await.client();
    client.append(&["there"]).await.unwrap();
    let before = client.log_info().await.unwrap();
    let too_long = vec![0; MAX_PAYLOAD + 1];
    for position in 0..3 {
        let mut entries = vec![&b"good"[..], b"also good"];
        entries.insert(position, &too_long);
        expect::refused(client.append(&entries).await);
    }
    assert_eq!(client.log_info().await.unwrap(), before);
}
