use candid::utils::{ArgumentEncoder, encode_args};
use candid::{Nat, Reserved};
use proptest::prelude::*;
use serde_bytes::ByteBuf;

use super::*;
use crate::wire::arguments::{METHODS, arguments};

/// What Candid alone makes of the bytes.
fn candid_alone<'a, A: Arguments<'a>>(bytes: &'a [u8]) -> Option<A> {
    with_candid(bytes).ok()
}

/// Candid's own encoding is decoded at once, and as Candid decodes it.
fn taken_at_once<'a, A: Arguments<'a> + PartialEq + std::fmt::Debug>(bytes: &'a [u8]) -> A {
    let at_once = at_once::<A>(bytes).expect("this is the shape that clients send");
    assert_eq!(Some(&at_once), candid_alone::<A>(bytes).as_ref());
    assert_eq!(decode::<A>(bytes).as_ref(), Ok(&at_once));
    at_once
}

/// Whatever the bytes are: what is decoded at once is what Candid decodes, and what Candid refuses is refused.
fn agrees<'a, A: Arguments<'a> + PartialEq + std::fmt::Debug>(bytes: &'a [u8]) {
    if let Some(at_once) = at_once::<A>(bytes) {
        assert_eq!(Some(at_once), candid_alone::<A>(bytes), "{bytes:?}");
    }
    assert_eq!(decode::<A>(bytes).ok(), candid_alone::<A>(bytes), "{bytes:?}");
}

fn all_agree(bytes: &[u8]) {
    agrees::<(Text,)>(bytes);
    agrees::<(&str,)>(bytes);
    agrees::<(String,)>(bytes);
    agrees::<(&str, &Bytes)>(bytes);
    agrees::<(u64, u64, &Bytes)>(bytes);
    agrees::<(Vec<&Bytes>,)>(bytes);
}

fn encoded(args: impl ArgumentEncoder) -> Vec<u8> {
    encode_args(args).unwrap()
}

proptest! {
    #[test]
    fn what_candid_encodes_is_decoded_at_once(
        text in ".*", numbers: (u64, u64), blob: Vec<u8>, blobs: Vec<Vec<u8>>,
    ) {
        let blob = Bytes::new(&blob);
        let blobs: Vec<_> = blobs.iter().map(|blob| Bytes::new(blob)).collect();
        let bytes = encoded((&text,));
        prop_assert_eq!(taken_at_once::<(Text,)>(&bytes), (Text(text.as_bytes()),));
        prop_assert_eq!(encoded(taken_at_once::<(Text,)>(&bytes)), encoded((&text,)));
        prop_assert_eq!(taken_at_once::<(&str,)>(&bytes), (text.as_str(),));
        prop_assert_eq!(taken_at_once::<(String,)>(&bytes), (text.clone(),));
        let bytes = encoded((&text, blob));
        prop_assert_eq!(taken_at_once::<(&str, &Bytes)>(&bytes), (text.as_str(), blob));
        let bytes = encoded((numbers.0, numbers.1, blob));
        prop_assert_eq!(taken_at_once::<(u64, u64, &Bytes)>(&bytes), (numbers.0, numbers.1, blob));
        let bytes = encoded((&blobs,));
        prop_assert_eq!(taken_at_once::<(Vec<&Bytes>,)>(&bytes), (blobs,));
    }

    #[test]
    fn ascii_is_told_from_what_is_not(text in "[ -~]{0,80}", at: prop::sample::Index, byte in 0x80u8..) {
        let mut bytes = text.into_bytes();
        prop_assert!(is_ascii(&bytes));
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            prop_assert!(!is_ascii(&bytes));
        }
    }

    #[test]
    fn a_changed_byte_is_decoded_as_candid_decodes_it(
        text in ".{0,20}", blobs: Vec<Vec<u8>>, at: prop::sample::Index, byte: u8, cut: prop::sample::Index,
    ) {
        let blob = blobs.first().cloned().unwrap_or_default();
        let blobs: Vec<_> = blobs.into_iter().map(ByteBuf::from).collect();
        for mut bytes in [
            encoded((&text,)),
            encoded((&text, Bytes::new(&blob))),
            encoded((7u64, 8u64, Bytes::new(&blob))),
            encoded((&blobs,)),
        ] {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            all_agree(&bytes);
            bytes.truncate(cut.index(bytes.len()));
            all_agree(&bytes);
        }
    }

    #[test]
    fn any_bytes_behind_a_header_are_decoded_as_candid_decodes_them(
        bytes in prop::collection::vec(prop_oneof![0u8..4, 0x7eu8..0x82, any::<u8>()], 0..40),
    ) {
        let headers = [<(Text,)>::HEADERS, <(&str, &Bytes)>::HEADERS, <(u64, u64, &Bytes)>::HEADERS,
            <(Vec<&Bytes>,)>::HEADERS].concat();
        for header in headers {
            all_agree(&[header, &bytes].concat());
        }
    }
}

/// The good arguments that the fuzzer starts from, and what it has found, of every method.
fn kept() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus-kept/arguments");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let kept: Vec<_> = files.map(|file| std::fs::read(file).unwrap()).collect();
    assert!(kept.len() >= METHODS.len(), "{folder} lacks a method");
    kept
}

#[test]
fn what_was_kept_is_decoded_as_candid_decodes_it() {
    kept().iter().for_each(|input| arguments(input));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn changes_of_what_was_kept_are_decoded_as_candid_decodes_them(
        which: prop::sample::Index,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let kept = kept();
        let mut input = which.get(&kept).clone();
        for (at, byte) in changes {
            let at = at.index(input.len());
            input[at] = byte;
        }
        cut.into_iter().for_each(|cut| input.truncate(cut.index(input.len())));
        arguments(&input);
    }
}

#[test]
fn hostile_arguments_are_refused() {
    const TEXT: &[u8] = b"DIDL\x00\x01\x71";
    for (what, rest) in [
        ("no length", &b""[..]),
        ("a length that is cut off", b"\x80"),
        ("a length beyond the end", b"\x05four"),
        ("a length of 2^32 - 1", b"\xff\xff\xff\xff\x0ftext"),
        ("a length of 2^63", b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01text"),
        ("a length without an end", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("bytes behind", b"\x04text!"),
        ("no UTF-8", b"\x02\xc3\x28"),
        ("UTF-8 that is cut off", b"\x01\xc3"),
    ] {
        let bytes = [TEXT, rest].concat();
        assert!(decode::<(Text,)>(&bytes).is_err(), "{what}");
    }
    for bytes in [&b""[..], b"D", b"DIDL", b"didl\x00\x01\x71\x00", b"DIDL\x00\x00", b"DIDL\x00\x01\x78\x00"]
    {
        assert!(decode::<(Text,)>(bytes).is_err(), "{bytes:?}");
    }
    // A vector that says it has 2^32 - 1 blobs.
    assert!(decode::<(Vec<&Bytes>,)>(b"DIDL\x02\x6d\x01\x6d\x7b\x01\x00\xff\xff\xff\xff\x0f").is_err());
}

#[test]
fn other_encodings_of_the_same_arguments_are_left_to_candid() {
    let blob = Bytes::new(b"blob");
    // A further argument that this version of the contract does not have.
    let more = encoded(("key", blob, 7u8));
    assert_eq!(at_once::<(&str, &Bytes)>(&more), None);
    assert_eq!(decode::<(&str, &Bytes)>(&more), Ok(("key", blob)));
    // Types that nothing uses, and the same type twice.
    let more_types = b"DIDL\x02\x6e\x71\x6d\x7b\x02\x71\x01\x03key\x04blob";
    assert_eq!(at_once::<(&str, &Bytes)>(more_types), None);
    assert_eq!(decode::<(&str, &Bytes)>(more_types), Ok(("key", blob)));
    // The inner type first, as other encoders have it, is decoded at once.
    let inner_first = b"DIDL\x02\x6d\x7b\x6d\x00\x01\x01\x01\x04blob";
    assert_eq!(taken_at_once::<(Vec<&Bytes>,)>(inner_first), (vec![blob],));
    // Other types are not these arguments.
    for other in
        [encoded((1u64, blob)), encoded((Nat::from(1u8), blob)), encoded((Reserved, blob)), encoded(("key",))]
    {
        assert!(decode::<(&str, &Bytes)>(&other).is_err());
    }
}
