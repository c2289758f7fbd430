//! Pages: `list` and `scan` return all objects of a prefix in byte order, whatever happens in between.

use integration_tests::{Harness, SuiteClient, data, expect};
use stable_storage_api::{Error, ListArgs, PutArgs, limits::MAX_PAGE_ITEMS, limits::MAX_PAYLOAD_BYTES};

/// Prefixes of each other, neighbours of the separator, and non-ASCII texts, in byte order.
const KEYS: [&str; 14] =
    ["", "a", "a/", "a/b", "a/b/c", "a0", "ab", "abc", "b", "z", "é", "éa", "鍵", "\u{10FFFF}"];

/// Returns a canister with an object under each of these keys except the empty one; its value is the key.
async fn filled() -> SuiteClient {
    let client = Harness::start().await.client();
    let objects: Vec<_> = keys_under("").map(|key| PutArgs::new(key, key)).collect();
    client.put_many(&objects).await.unwrap();
    client
}

fn keys_under(prefix: &str) -> impl Iterator<Item = &'static str> {
    KEYS.into_iter().filter(move |key| !key.is_empty() && key.starts_with(prefix))
}

fn page(prefix: &str, start_after: Option<&str>, limit: u32) -> ListArgs {
    ListArgs { start_after: start_after.map(Into::into), limit: Some(limit), ..ListArgs::prefix(prefix) }
}

/// The keys of one page of a list.
async fn listed(client: &SuiteClient, args: &ListArgs) -> Vec<String> {
    client.list(args).await.unwrap().objects.into_iter().map(|info| info.key).collect()
}

/// Pages of every size together return all objects of a prefix once, in byte order, and the last page has no next one.
#[tokio::test]
async fn pages_of_any_size_give_every_object_once() {
    let client = filled().await;
    for prefix in KEYS {
        let expected: Vec<_> = keys_under(prefix).collect();
        for limit in 1..=KEYS.len() as u32 {
            let (mut args, mut found, mut pages) = (page(prefix, None, limit), Vec::new(), 0);
            loop {
                let page = client.list(&args).await.unwrap();
                found.extend(page.objects.into_iter().map(|info| info.key));
                pages += 1;
                args.start_after = page.next;
                if args.start_after.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected, "prefix {prefix:?}, pages of {limit}");
            assert_eq!(
                pages,
                expected.len().div_ceil(limit as usize).max(1),
                "prefix {prefix:?}, pages of {limit}"
            );
        }
    }
}

/// `scan` returns the same objects in the same order with their values.
#[tokio::test]
async fn a_scan_gives_the_values_too() {
    let client = filled().await;
    for prefix in KEYS {
        let expected: Vec<_> = keys_under(prefix).collect();
        let entries = client.scan_all(prefix).await.unwrap();
        assert_eq!(entries.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), expected);
        assert!(entries.iter().all(|entry| entry.value == entry.key.as_bytes()));

        let args = page(prefix, None, 2);
        let (listed, scanned) = (client.list(&args).await.unwrap(), client.scan(&args).await.unwrap());
        assert_eq!(listed.next, scanned.next, "prefix {prefix:?}");
        assert_eq!(listed.objects.len(), scanned.entries.len(), "prefix {prefix:?}");
    }
}

/// A cursor need not exist, and may be before, within or after the prefix.
#[tokio::test]
async fn a_cursor_may_be_any_key() {
    let client = filled().await;
    let all = |start_after| page("a", Some(start_after), 100);
    assert_eq!(listed(&client, &all("")).await, ["a", "a/", "a/b", "a/b/c", "a0", "ab", "abc"]);
    assert_eq!(listed(&client, &all("A")).await, ["a", "a/", "a/b", "a/b/c", "a0", "ab", "abc"]);
    assert_eq!(listed(&client, &all("a/a")).await, ["a/b", "a/b/c", "a0", "ab", "abc"]);
    assert_eq!(listed(&client, &all("a/b")).await, ["a/b/c", "a0", "ab", "abc"]);
    assert_eq!(listed(&client, &all("abc")).await, Vec::<String>::new());
    assert_eq!(listed(&client, &all("zzz")).await, Vec::<String>::new());
    assert_eq!(listed(&client, &page("é", Some("é"), 100)).await, ["éa"]);
}

/// Objects that are deleted between two pages, including the cursor, do not disturb the following pages.
#[tokio::test]
async fn a_cursor_whose_object_was_deleted_still_holds() {
    let client = filled().await;
    let first = client.list(&page("a", None, 3)).await.unwrap();
    assert_eq!(first.next.as_deref(), Some("a/b"));
    client.delete("a/b").await.unwrap();
    client.delete("a/b/c").await.unwrap();
    let rest = client.list(&page("a", first.next.as_deref(), 100)).await.unwrap();
    assert_eq!(rest.objects.iter().map(|info| info.key.as_str()).collect::<Vec<_>>(), ["a0", "ab", "abc"]);
    assert_eq!(rest.next, None);
}

/// A prefix without objects gives one empty page, and so does an empty canister.
#[tokio::test]
async fn an_empty_page_is_the_last() {
    let client = filled().await;
    for prefix in ["nothing", "a/b/c/d", "\0"] {
        let page = client.list(&ListArgs::prefix(prefix)).await.unwrap();
        assert_eq!((page.objects, page.next), (vec![], None));
    }
    let page = Harness::start().await.client().scan(&ListArgs::prefix("")).await.unwrap();
    assert_eq!((page.entries, page.next), (vec![], None));
}

/// A limit of 0 is rejected, and one above 1,000 means 1,000.
#[tokio::test]
async fn a_limit_is_between_one_and_a_thousand() {
    let client = Harness::start().await.client();
    let objects: Vec<_> =
        (0..MAX_PAGE_ITEMS).map(|number| PutArgs::new(format!("{number:04}"), "")).collect();
    client.put_many(&objects).await.unwrap();
    client.put("last", b"").await.unwrap();

    for error in [
        expect::storage_error(client.list(&page("", None, 0)).await),
        expect::storage_error(client.scan(&page("", None, 0)).await),
    ] {
        assert!(matches!(error, Error::InvalidArgument { .. }), "{error:?}");
    }
    for limit in [MAX_PAGE_ITEMS, MAX_PAGE_ITEMS + 1, u32::MAX] {
        let listed = client.list(&page("", None, limit)).await.unwrap();
        assert_eq!((listed.objects.len(), listed.next.as_deref()), (MAX_PAGE_ITEMS as usize, Some("0999")));
        let scanned = client.scan(&page("", None, limit)).await.unwrap();
        assert_eq!((scanned.entries.len(), scanned.next.as_deref()), (MAX_PAGE_ITEMS as usize, Some("0999")));
    }
    let without = ListArgs::prefix("");
    assert_eq!(without.limit, None);
    assert_eq!(client.list(&without).await.unwrap().objects.len(), MAX_PAGE_ITEMS as usize);
    assert_eq!(client.scan(&without).await.unwrap().entries.len(), MAX_PAGE_ITEMS as usize);
    assert_eq!(client.list_all("").await.unwrap().len(), MAX_PAGE_ITEMS as usize + 1);
}

/// A page of a thousand objects with the longest keys fits its reply, or is shortened.
#[tokio::test]
async fn a_page_of_long_keys_fits_its_reply() {
    let client = Harness::start().await.client();
    let long = |number: u32| format!("{number:04}{}", data::key_of_length(1_020));
    for batch in (0..1_200).collect::<Vec<_>>().chunks(400) {
        let objects: Vec<_> = batch.iter().map(|&number| PutArgs::new(long(number), "")).collect();
        client.put_many(&objects).await.unwrap();
    }
    let keys: Vec<_> = client.list_all("").await.unwrap().into_iter().map(|info| info.key).collect();
    assert_eq!(keys, (0..1_200).map(long).collect::<Vec<_>>());
    assert_eq!(client.scan_all("").await.unwrap().len(), 1_200);
}

/// A page of `scan` ends where the next value would not fit the reply, and the largest value is a separate page.
#[tokio::test]
async fn a_scan_is_bounded_by_bytes() {
    let client = Harness::start().await.client();
    let sizes = [900_000, 900_000, 900_000, MAX_PAYLOAD_BYTES as usize, 0, 5];
    for (number, size) in sizes.into_iter().enumerate() {
        client.put(&number.to_string(), &data::bytes(number as u64, size)).await.unwrap();
    }
    let first = client.scan(&page("", None, 100)).await.unwrap();
    assert_eq!((first.entries.len(), first.next.as_deref()), (2, Some("1")));
    let entries = client.scan_all("").await.unwrap();
    for (number, (entry, size)) in entries.iter().zip(sizes).enumerate() {
        assert!(entry.value == data::bytes(number as u64, size), "value {number} came back changed");
    }
    assert_eq!(entries.len(), sizes.len());
}

/// With a delimiter, a page has what is directly under the prefix: objects, and each folder once.
#[tokio::test]
async fn a_delimiter_lists_folders_once() {
    let client = filled().await;
    let level = client.list_level("", "/").await.unwrap();
    let keys: Vec<_> = level.objects.into_iter().map(|info| info.key).collect();
    assert_eq!(keys, ["a", "a0", "ab", "abc", "b", "z", "é", "éa", "鍵", "\u{10FFFF}"]);
    assert_eq!(level.prefixes, ["a/"]);
    let level = client.list_level("a/", "/").await.unwrap();
    let keys: Vec<_> = level.objects.into_iter().map(|info| info.key).collect();
    assert_eq!((keys, level.prefixes), (vec!["a/".to_owned(), "a/b".to_owned()], vec!["a/b/".to_owned()]));

    // One item per page: the cursor after a folder is after all of its contents.
    let mut args = ListArgs { limit: Some(1), ..ListArgs::level("", "/") };
    let mut items = Vec::new();
    loop {
        let page = client.list(&args).await.unwrap();
        items.extend(page.objects.into_iter().map(|info| info.key).chain(page.prefixes));
        match page.next {
            Some(next) => args.start_after = Some(next),
            None => break,
        }
    }
    assert_eq!(items, ["a", "a/", "a0", "ab", "abc", "b", "z", "é", "éa", "鍵", "\u{10FFFF}"]);
    let refused = expect::storage_error(client.scan(&ListArgs::level("", "/")).await);
    assert!(matches!(refused, Error::InvalidArgument { .. }), "{refused:?}");
}
