//! Arguments.

use candid::types::Type;
use candid::utils::{ArgumentDecoder, ArgumentEncoder, encode_args};
use candid::{CandidType, IDLArgs, IDLValue, Nat, Principal};
use serde_bytes::ByteBuf;
use stable_storage_api::*;
use storage_wire::{Arguments, argument_headers, by_shape};

use crate::fuzzed::{METHODS, agrees, arguments, counts_agree, with_candid};
use crate::values::{Random, changed, value};

const SEEDS: u64 = 300;

/// Number of successive changes of the bytes.
const CHANGES: usize = 20;

/// Cuts, appends, removes or flips bytes.
fn change(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    match random.below(8) {
        0 => bytes.truncate(at.max(5)),
        1 => bytes.insert(at, random.next() as u8),
        2 if bytes.len() > 1 => drop(bytes.remove(at)),
        _ => bytes[at] ^= 1 << random.below(8),
    }
}

fn holds<A, C>(types: &[Type], headers: &[&[u8]])
where
    A: for<'a> Arguments<'a>,
    C: for<'a> ArgumentDecoder<'a> + ArgumentEncoder,
{
    for seed in 0..SEEDS {
        let random = &mut Random::new(seed);
        let drawn: Vec<_> = types.iter().map(|ty| value(ty, random)).collect();
        let bytes = IDLArgs { args: drawn.clone() }.to_bytes_with_types(&Default::default(), types).unwrap();
        let bytes = encode_args(with_candid::<C>(&bytes).unwrap()).unwrap();
        assert!(by_shape::<A>(&bytes, headers).is_some(), "{bytes:?}");
        agrees::<A, C>(&bytes, headers);

        let mut args: Vec<_> = drawn.into_iter().map(|value| changed(value, random)).collect();
        match random.below(12) {
            0 => args.push(IDLValue::Text("one more".into())),
            1 => drop(args.pop()),
            _ => {}
        }
        let Ok(mut bytes) = (IDLArgs { args }).to_bytes() else { continue };
        agrees::<A, C>(&bytes, headers);
        for _ in 0..CHANGES {
            change(&mut bytes, random);
            agrees::<A, C>(&bytes, headers);
        }
    }
}

macro_rules! hold {
    ($($name:ident: ($($ty:ty),*)),* $(,)?) => {
        $(#[test]
        fn $name() {
            holds::<($($ty,)*), ($($ty,)*)>(&[$(<$ty>::ty()),*], argument_headers!($($ty),*));
        })*
    };
}

hold! {
    nothing: (),
    a_text: (String),
    a_text_and_a_blob: (String, ByteBuf),
    a_put: (PutArgs),
    puts: (Vec<PutArgs>),
    texts: (Vec<String>),
    a_read: (ReadArgs),
    a_listing: (ListArgs),
    a_prefix: (DeletePrefixArgs),
    a_rename: (RenameArgs),
    a_copy: (CopyArgs),
    sources: (u64, u64, Vec<CopySource>),
    a_delete: (String, Option<Condition>),
    an_upload: (UploadArgs),
    a_chunk: (u64, u64, ByteBuf),
    a_number: (u64),
    two_numbers: (u64, u64),
    three_numbers: (u64, u64, u64),
    blobs: (Vec<ByteBuf>),
    a_part_of_the_log: (ReadLogArgs),
    an_owner: (u64, Principal),
    loads: (u64, Vec<RegionLoad>),
    stores: (u64, Vec<RegionStore>),
    a_grant: (Principal, Option<Role>),
    settings: (Settings),
    optional_settings: (Option<Settings>),
    a_request: (HttpRequest),
}

#[test]
fn a_count() {
    for seed in 0..10 * SEEDS {
        let random = &mut Random::new(seed);
        let args = vec![value(&Nat::ty(), random)];
        let mut bytes = (IDLArgs { args }).to_bytes().unwrap().to_vec();
        counts_agree(&bytes);
        for _ in 0..3 {
            change(&mut bytes, random);
            counts_agree(&bytes);
        }
    }
}

/// Returns the seeds of the fuzzer and the inputs that it has found, of every method.
fn kept() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../canister/fuzz/corpus-kept/arguments");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let kept: Vec<_> = files.map(|file| std::fs::read(file).unwrap()).collect();
    assert!(kept.len() >= METHODS.len(), "{folder} lacks a method");
    kept
}

#[test]
fn corpus_is_decoded_as_candid_decodes_it() {
    kept().iter().for_each(|input| arguments(input));
}

#[test]
fn mutated_corpus_is_decoded_as_candid_decodes_it() {
    let kept = kept();
    for seed in 0..2_000 {
        let random = &mut Random::new(seed);
        let mut input = kept[random.below(kept.len())].clone();
        for _ in 0..6 {
            change(&mut input, random);
            arguments(&input);
        }
    }
}

#[test]
fn hostile_arguments_are_refused() {
    let decode = |bytes: &[u8]| {
        let mut space = Vec::new();
        storage_wire::decode::<(String,)>(bytes, argument_headers!(String), &mut space).is_ok()
    };
    for (what, rest) in [
        ("no length", &b""[..]),
        ("a length that is cut off", b"\x80"),
        ("a length beyond the end", b"\x05four"),
        ("a length of 2^32 - 1", b"\xff\xff\xff\xff\x0ftext"),
        ("a length of 2^63", b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01text"),
        ("a length without an end", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("trailing bytes", b"\x04text!"),
        ("no UTF-8", b"\x02\xc3\x28"),
        ("UTF-8 that is cut off", b"\x01\xc3"),
    ] {
        assert!(!decode(&[b"DIDL\x00\x01\x71", rest].concat()), "{what}");
    }
    for bytes in [&b""[..], b"D", b"DIDL", b"didl\x00\x01\x71\x00", b"DIDL\x00\x00", b"DIDL\x00\x01\x78\x00"]
    {
        assert!(!decode(bytes), "{bytes:?}");
    }
    // A vector that says it has 2^32 - 1 blobs.
    let bytes = b"DIDL\x02\x6d\x01\x6d\x7b\x01\x00\xff\xff\xff\xff\x0f";
    let mut space = Vec::new();
    assert!(
        storage_wire::decode::<(Vec<ByteBuf>,)>(bytes, argument_headers!(Vec<ByteBuf>), &mut space).is_err()
    );
}

/// Work is bounded for values that take no bytes, and for deeply nested types.
#[test]
fn work_is_bounded_for_values_without_bytes() {
    let refused = |bytes: &[u8]| {
        let mut space = Vec::new();
        let result = storage_wire::decode::<(String,)>(bytes, argument_headers!(String), &mut space);
        result.unwrap_err().to_string()
    };
    // A text, and a vector of 2^32 - 1 nulls after it.
    let nulls = b"DIDL\x01\x6d\x7f\x02\x71\x00\x01a\xff\xff\xff\xff\x0f";
    assert!(refused(nulls).contains("too many values"));
    // A variant of 20,000 cases, and blobs of which each has the last one.
    let mut cases = vec![0x6d, 1, 0x6b];
    storage_wire::encode_length(20_000, &mut cases);
    for id in 0..20_000 {
        storage_wire::encode_length(id, &mut cases);
        cases.push(0x7f);
    }
    let mut values = Vec::new();
    storage_wire::encode_length(20_000, &mut values);
    (0..20_000).for_each(|_| storage_wire::encode_length(19_999, &mut values));
    let variants = [b"DIDL\x02", &cases[..], b"\x02\x71\x00\x01a", &values].concat();
    assert!(refused(&variants).contains("too many steps"));
    // An opt of itself.
    let deep = [b"DIDL\x01\x6e\x00\x02\x71\x00\x01a", &[1; 1_000][..], &[0]].concat();
    assert!(refused(&deep).contains("nested too deeply"));
}

/// A batch with too many items is decoded only as far as needed to refuse it.
#[test]
fn decoding_a_batch_stops_at_its_limit() {
    use storage_wire::Batch;
    let batch = |items: usize| {
        let bytes = encode_args((vec![ByteBuf::from(*b"a"); items],)).unwrap();
        let headers = argument_headers!(Vec<ByteBuf>);
        by_shape::<(Batch<ByteBuf, 3>,)>(&bytes, headers).unwrap().0.0.len()
    };
    assert_eq!([0, 1, 3, 4, 5, 1_000].map(batch), [0, 1, 3, 4, 4, 4]);
}
