use ic_stable_structures::{Memory, VectorMemory};
use stable_storage_api::Error;

use super::*;

/// The root of a list of digests, computed from the definition: split before the largest power of two that leaves something.
fn expected_root(digests: &[Digest]) -> Digest {
    match digests {
        [] => [0; 32],
        [only] => *only,
        // A single mountain is split in the middle, and a range after its first mountain.
        _ => {
            let largest = 1 << digests.len().ilog2();
            let split = if largest == digests.len() { largest / 2 } else { largest };
            node_digest(&expected_root(&digests[..split]), &expected_root(&digests[split..]))
        }
    }
}

/// Follows a path as its description says.
fn follow(element: u64, elements: u64, digest: Digest, path: &[Digest]) -> Digest {
    let mountain = mountains(elements).find(|mountain| element < mountain.end()).unwrap();
    let (mut root, mut path) = (digest, path.iter());
    for level in 0..mountain.elements.ilog2() {
        let sibling = path.next().unwrap();
        let is_left = (element - mountain.first) >> level & 1 == 0;
        root = if is_left { node_digest(&root, sibling) } else { node_digest(sibling, &root) };
    }
    if mountain.end() < elements {
        root = node_digest(&root, path.next().unwrap());
    }
    path.fold(root, |root, peak| node_digest(peak, &root))
}

fn open(memory: &VectorMemory, home: &VectorMemory) -> MountainRange<VectorMemory> {
    MountainRange::open(memory.clone(), (home.clone(), 64), 1).unwrap()
}

#[test]
fn roots_and_paths_are_those_of_the_definition() {
    let (memory, home) = (VectorMemory::default(), VectorMemory::default());
    home.grow(1);
    let mut digests = Vec::new();
    assert_eq!(open(&memory, &home).elements(), None);
    for round in 0..70u64 {
        let range = open(&memory, &home);
        let mut change = range.begin();
        assert_eq!(change.root(), expected_root(&digests));
        for number in 0..round % 4 {
            let digest = element_digest(&[round as u8, number as u8]);
            digests.push(digest);
            change.append(digest);
        }
        assert_eq!(change.root(), expected_root(&digests));
        change.commit();
        let elements = digests.len() as u64;
        assert_eq!(range.elements(), Some(elements));
        for (number, digest) in (0..elements).zip(&digests) {
            let path = range.path(number);
            assert_eq!(
                follow(number, elements, *digest, &path),
                expected_root(&digests),
                "{number} of {elements}"
            );
        }
        let mut comparison = range.compare();
        digests.iter().for_each(|digest| comparison.next(*digest).unwrap());
        comparison.end().unwrap();
    }
}

#[test]
fn flipped_bytes_and_missing_elements_are_found() {
    let (memory, home) = (VectorMemory::default(), VectorMemory::default());
    home.grow(1);
    let digests: Vec<_> = (0..11u8).map(|number| element_digest(&[number])).collect();
    let range = open(&memory, &home);
    let mut change = range.begin();
    digests.iter().for_each(|digest| change.append(*digest));
    change.commit();
    let compare = |digests: &[Digest]| {
        let mut comparison = range.compare();
        digests.iter().try_for_each(|digest| comparison.next(*digest))?;
        comparison.end()
    };
    compare(&digests).unwrap();
    assert!(compare(&digests[..10]).is_err());
    for offset in 0..nodes(11) as usize * 32 {
        memory.borrow_mut()[offset] ^= 1;
        let error = compare(&digests).unwrap_err();
        let node = offset as u64 / 32 * 32;
        assert!(matches!(error, Error::Corrupted { offset, .. } if offset == node), "{error} for {offset}");
        memory.borrow_mut()[offset] ^= 1;
    }
    for offset in 64..64 + HEADER_BYTES {
        home.borrow_mut()[offset] ^= 1;
        assert!(MountainRange::open(memory.clone(), (home.clone(), 64), 1).is_err(), "offset {offset}");
        home.borrow_mut()[offset] ^= 1;
    }
}

#[test]
fn the_memory_grows_in_steps_before_it_is_full() {
    let (memory, home) = (VectorMemory::default(), VectorMemory::default());
    home.grow(1);
    let range = MountainRange::open(memory.clone(), (home, 64), 3).unwrap();
    // A page holds 2,048 digests: 1,024 elements have 2,047 nodes, and 1,025 have 2,048.
    for (elements, growth, pages) in [(1, 3, 3), (1_025, 0, 3), (3_072, 0, 3), (3_074, 3, 6)] {
        let mut change = range.begin();
        while change.elements() < elements {
            change.append([7; 32]);
        }
        assert_eq!(change.growth().pages, growth, "{elements} elements");
        change.commit();
        assert_eq!(memory.size(), pages);
    }
    let change = range.begin();
    assert_eq!(change.growth().pages, 0);
}

/// A header that is valid by itself must also fit the memory.
#[test]
fn a_header_that_contradicts_its_memory_is_refused() {
    let (memory, home) = (VectorMemory::default(), VectorMemory::default());
    home.grow(1);
    let range = open(&memory, &home);
    let is_refused = || MountainRange::open(memory.clone(), (home.clone(), 64), 1).is_err();
    assert!(!is_refused());
    memory.grow(1);
    assert!(is_refused(), "a memory with digests, and no header");
    // 65,536 bytes hold 2,048 digests.
    for (elements, expected) in
        [(0, false), (1, false), (1_025, false), (1_026, true), (1 << 48, true), (u64::MAX, true)]
    {
        range.write_header(elements);
        assert_eq!(is_refused(), expected, "{elements} elements");
    }
}

#[test]
fn the_separators_have_the_documented_lengths() {
    let sha256 = |parts: &[&[u8]]| <Digest>::from(Sha256::digest(parts.concat()));
    let separated = |text: &'static str| [&[text.len() as u8], text.as_bytes()].concat();
    assert_eq!(element_digest(b"x"), sha256(&[&separated("stable-storage-log-entry"), b"x"]));
    let (one, two) = ([1; 32], [2; 32]);
    assert_eq!(node_digest(&one, &two), sha256(&[&separated("stable-storage-log-node"), &one, &two]));
}
