//! Small arguments that would cost a naive decoder much time or memory.

use std::collections::BTreeMap;

use integration_tests::contract::methods;
use integration_tests::stranger;

use super::canister::{Canister, Door};
use crate::access::REFUSAL_INSTRUCTIONS;

/// Most pages by which all bombs together may grow the heap: 16 MiB.
const MOST_HEAP_PAGES: u64 = 256;

/// Size of a large bomb, the maximum of a message.
const LARGE: usize = 2_000_000;

/// The methods whose arguments `inspect_message` decodes, and the one that it lets everyone call.
const LOOKED_AT: [&str; 7] =
    ["put", "put_many", "write_chunk", "region_store_blob", "log", "append", "http_request_update"];

/// Name and arguments.
type Bomb = (&'static str, Vec<u8>);

fn leb128(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Encodes a reference to a type: a signed number, because negative ones are plain types.
fn reference(number: u64) -> Vec<u8> {
    let mut bytes = leb128(number);
    if let Some(last) = bytes.last_mut().filter(|last| **last & 0x40 != 0) {
        *last |= 0x80;
        bytes.push(0);
    }
    bytes
}

/// Encodes types, argument types, and values.
fn encoding(types: &[&[u8]], arguments: &[u8], values: &[u8]) -> Vec<u8> {
    let count = leb128(types.len() as u64);
    let arity = leb128(arguments.len() as u64);
    [b"DIDL", &count[..], &types.concat(), &arity, arguments, values].concat()
}

/// Returns bombs with as many arguments as the method has, or one more, the first of which is the bomb.
fn bombs(arity: usize) -> Vec<Bomb> {
    let all = |index: u8| vec![index; arity.max(1)];
    let huge = leb128(u64::from(u32::MAX));
    let most = leb128(u64::MAX);
    // A type is opt (0x6e), vec (0x6d) or a record (0x6c) of others, by their numbers; 0x7f is null, 0x70 reserved.
    let chain = |constructor: u8, links: u64| -> Vec<Vec<u8>> {
        (1..=links)
            .map(|next| [vec![constructor], reference(next)].concat())
            .chain([vec![0x6d, 0x7f]])
            .collect()
    };
    let encoded = |types: &[Vec<u8>], values: &[u8]| {
        encoding(&types.iter().map(Vec::as_slice).collect::<Vec<_>>(), &all(0), values)
    };
    // A record of four times the previous record, thirty times.
    let doubled = |next| [&[0x6c, 4][..], &[0, next, 1, next, 2, next, 3, next]].concat();
    let doubling: Vec<_> = (1..=30).map(doubled).chain([vec![0x6c, 0]]).collect();
    let in_vector = [vec![0x6d, 1], vec![0x6c, 0]];
    let nulls_in_nulls = [vec![0x6d, 1], vec![0x6d, 2], vec![0x6d, 0x7f]];
    vec![
        ("vec null", encoded(&[vec![0x6d, 0x7f]], &huge)),
        ("vec null, of 2^64", encoded(&[vec![0x6d, 0x7f]], &most)),
        ("vec reserved", encoded(&[vec![0x6d, 0x70]], &huge)),
        ("vec empty records", encoded(&in_vector, &huge)),
        ("vec vec vec null", encoded(&nulls_in_nulls, &[&leb128(3)[..], &leb128(3), &huge].concat())),
        ("opt of opt", encoded(&chain(0x6e, 5_000), &[1; 5_001])),
        ("vec of vec", encoded(&chain(0x6d, 5_000), &[1; 5_001])),
        ("opt of itself", encoded(&[vec![0x6e, 0]], &vec![1; LARGE])),
        ("vec of itself", encoded(&[vec![0x6d, 0]], &vec![1; LARGE])),
        ("record of itself", encoded(&[vec![0x6c, 1, 0, 0]], &[])),
        ("records of records", encoded(&doubling, &[])),
        (
            "opt null, many",
            encoded(
                &[vec![0x6d, 1], vec![0x6e, 0x7f]],
                &[&leb128(LARGE as u64)[..], &vec![1; LARGE]].concat(),
            ),
        ),
        ("types in a short message", encoding(&[&[0x6d_u8, 0x7f][..]; 9_999], &all(0), &[0])),
        ("many types", encoding(&[&[0x6d_u8, 0x7f][..]; 9_999], &all(0), &huge)),
        ("too many types", encoding(&[&[0x6d_u8, 0x7f][..]; 100_000], &all(0), &huge)),
        ("types that are not there", [b"DIDL", &most[..]].concat()),
        (
            "a record of fields that are not there",
            [b"DIDL\x01\x6c", &leb128(u64::from(u32::MAX))[..]].concat(),
        ),
        ("arguments that are not there", [b"DIDL\x00", &most[..]].concat()),
        ("many arguments", encoding(&[], &vec![0x7f; 60_000], &[])),
        ("very many arguments", encoding(&[], &vec![0x7f; LARGE], &[])),
        ("a blob that is not there", encoded(&[vec![0x6d, 0x7b]], &huge)),
        ("a text that is not there", encoding(&[], &all(0x71), &huge)),
        (
            "a text that is not UTF-8",
            encoding(&[], &all(0x71), &[&leb128(LARGE as u64)[..], &vec![0xff; LARGE]].concat()),
        ),
        ("a number without an end", encoding(&[], &all(0x7d), &vec![0xff; LARGE])),
        ("a large number", encoding(&[], &all(0x7d), &[&vec![0xff; LARGE][..], &[1]].concat())),
        ("a large negative number", encoding(&[], &all(0x7c), &[&vec![0xff; LARGE][..], &[0x41]].concat())),
        ("zeroes in a length", encoding(&[], &all(0x71), &[&vec![0x80; LARGE][..], &[0]].concat())),
    ]
}

/// Returns a bomb after valid arguments, where Candid skips unknown ones.
fn after(args: &[u8]) -> Option<Bomb> {
    // Without types, one is added, with one argument of it.
    let rest = args.strip_prefix(b"DIDL\x00")?;
    let (&arity, rest) = rest.split_first()?;
    let (types, values) = rest.split_at(arity.into());
    let huge = leb128(u64::from(u32::MAX));
    let bytes = [b"DIDL\x01\x6d\x7f", &[arity + 1][..], types, &[0], values, &huge].concat();
    Some(("vec null after good arguments", bytes))
}

/// No bomb costs more than a bounded number of instructions, in any method, whether sent by a canister or inspected by
/// `inspect_message` first. By a caller without a role, none costs more than an error. Each is rejected unless it is also a
/// valid argument, and together they leave the heap small.
#[test]
fn bombs_are_bounded() {
    let mut canister = Canister::start();
    let heap_before = canister.heap_pages();
    let mut costs = BTreeMap::new();
    for method in methods() {
        let looked_at = LOOKED_AT.contains(&method.name.as_str());
        let doors = if looked_at {
            &[Door::UpdateFromCanister, Door::Update][..]
        } else {
            &[Door::UpdateFromCanister]
        };
        // The first error of a caller looks up its role.
        drop(canister.send_as(stranger(), &method, Door::UpdateFromCanister, &[]));
        for (name, bytes) in bombs(method.arity).into_iter().chain(after(&method.args)) {
            for door in doors {
                let spent = match canister.send(&method, *door, &bytes) {
                    Ok(instructions) => instructions,
                    Err(reject) => reject.instructions,
                };
                let refused = match canister.send_as(stranger(), &method, *door, &bytes) {
                    Ok(instructions) => instructions,
                    Err(reject) => reject.instructions,
                };
                // Everyone may call this one, and the canister does not pay for what it drops.
                let is_free = method.name.starts_with("http_request") || *door == Door::Update;
                assert!(
                    is_free || refused <= REFUSAL_INSTRUCTIONS,
                    "{} refused {name} for {refused} instructions",
                    method.name
                );
                let most = costs.entry(name).or_insert((0, String::new()));
                *most = most.clone().max((spent, method.name.clone()));
            }
        }
    }
    println!("{costs:#?}");
    let grown = canister.heap_pages() - heap_before;
    assert!(grown <= MOST_HEAP_PAGES, "the heap grew by {grown} pages");
    canister.check();
}
