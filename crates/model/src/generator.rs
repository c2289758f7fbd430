//! Random operations, with weights. The domains are tiny, so that operations collide.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, RngSeed, TestRng, TestRunner};
use stable_storage_api::limits::{
    CHUNK_BYTES, FIRST_REGION, MAX_BATCH_ITEMS, MAX_PAYLOAD_BYTES, MAX_REGIONS, MAX_STABLE_BYTES,
    MAX_UPLOAD_IDLE_NS, MAX_UPLOADS, MIN_CAPACITY_BYTES, MIN_UPLOAD_IDLE_NS,
};
use stable_storage_api::{Role, Settings};
use storage_engine::INLINE_LIMIT;
use storage_engine::arena::SLOT_EXTENT_BYTES;

use crate::domains::{ALL_METADATA, GOOD_METADATA, KEYS, PREFIXES, SCOPES, SITES};
use crate::op::{Cond, Op};

const BUCKET_BYTES: u64 = 16 << 20;
const DAY_SECONDS: i64 = 24 * 3_600;

/// Longest list of operations decoded from bytes.
const MAX_OPS: usize = 40;

/// Size of the data of the operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Large values are common, so that memory is soon full.
    Heavy,
    /// Large values are rare, and every call fits a message.
    Light,
}

impl Load {
    /// Returns the weight of small values for each large one.
    fn small(self, weight: u32) -> u32 {
        if self == Self::Heavy { weight } else { weight * 20 }
    }
}

/// Lists of operations, which a failing property test shrinks. Three of four begin with a certified prefix, a site, or both, so that
/// most of their operations are about objects of which something is certified.
pub fn lists() -> impl Strategy<Value = Vec<Op>> {
    let prefix = || Just(Op::SetCertified { prefix: 0, is_certified: true });
    let site = || (0..4_u8).prop_map(|site| Op::SetSite { site });
    let start = prop_oneof![
        1 => Just(Vec::new()),
        1 => prefix().prop_map(|prefix| vec![prefix]),
        1 => site().prop_map(|site| vec![site]),
        1 => (prefix(), site()).prop_map(|(prefix, site)| vec![prefix, site]),
    ];
    let ops = prop::collection::vec(op(Load::Heavy), 1..200);
    (start, ops).prop_map(|(start, ops)| [start, ops].concat())
}

/// Lists of operations on objects of four to six extents, for [`Differential::with_large_objects`](crate::Differential::with_large_objects).
/// Half of the uploads are complete.
pub fn lists_with_large_objects() -> impl Strategy<Value = Vec<Op>> {
    let key = || 0..3_u8;
    let seed = || select(vec![7, 7, 8]);
    let size = prop_oneof![
        2 => 4 * SLOT_EXTENT_BYTES - 1..4 * SLOT_EXTENT_BYTES + 2,
        2 => 3 * SLOT_EXTENT_BYTES + 1..5 * SLOT_EXTENT_BYTES + 1_000,
    ];
    let create = || {
        (
            key(),
            prop::option::weighted(0.75, size.clone()),
            who(),
            prop_oneof![3 => Just(Cond::Any), 1 => condition()],
            metadata(),
            prop::option::of(seed()),
        )
            .prop_map(|(key, size, who, condition, metadata, digest)| Op::CreateUpload {
                key,
                size,
                who,
                condition,
                metadata,
                digest,
            })
    };
    let fill = || seed().prop_map(|seed| Op::Fill { upload: 0, seed });
    let chunk = (0..40_u64, seed()).prop_map(|(index, seed)| Op::WriteChunk {
        upload: 0,
        index,
        seed,
        is_long: false,
        who: 2,
    });
    let other = prop_oneof![
        2 => (key(), key(), condition()).prop_map(|(from, to, condition)| Op::Rename { from, to, condition }),
        1 => copy(key(), key()),
        2 => copy_chunks(Just(0), key()),
        2 => (key(), condition()).prop_map(|(key, condition)| Op::Delete { key, condition }),
        4 => key().prop_map(|key| Op::Verify { key }),
        1 => (key(), 0..2_000_000_u64)
            .prop_map(|(key, size)| Op::Put { key, size, who: 2, condition: Cond::Any, metadata: 0 }),
        1 => (0..PREFIXES).prop_map(|prefix| Op::TakeFirst { prefix }),
        1 => (0..2_u8, who()).prop_map(|(upload, who)| Op::Abort { upload, who }),
        2 => certified_op(),
        1 => any::<bool>().prop_map(|sealed| Op::Upgrade { sealed }),
    ];
    let commit = |end| Op::Commit { upload: 0, who: 2, end };
    let block = prop_oneof![
        3 => (create(), fill()).prop_map(move |(create, fill)| vec![create, fill, commit(0)]),
        1 => (create(), chunk).prop_map(|(create, chunk)| vec![create, chunk]),
        1 => (fill(), 0..4_u8).prop_map(move |(fill, end)| vec![fill, commit(end)]),
        4 => prop::collection::vec(other, 1..4),
    ];
    prop::collection::vec(block, 3..12).prop_map(|blocks| blocks.concat())
}

/// Lists of operations on a store with about the maximum number of uploads and regions.
pub fn lists_in_a_crowd() -> impl Strategy<Value = Vec<Op>> {
    let max_uploads = Settings { max_uploads: Some(MAX_UPLOADS), ..Settings::default() };
    let most = MAX_UPLOADS as u16;
    let size = || prop_oneof![4 => 1..3_000_u64, 1 => SLOT_EXTENT_BYTES - 500..SLOT_EXTENT_BYTES];
    let uploads = |count| (count, size()).prop_map(|(count, size)| Op::CreateUploads { count, size });
    let regions = (230..=u8::MAX).prop_map(|count| Op::RegionsNew { count });
    let region = || FIRST_REGION - 1..FIRST_REGION + MAX_REGIONS + 1;
    let crowd_op = prop_oneof![
        1 => uploads(1..300_u16),
        1 => (1..most).prop_map(|count| Op::AbortUploads { count }),
        3 => (region(), 0..300_u64, who()).prop_map(|(region, pages, who)| Op::RegionGrow { region, pages, who }),
        2 => (region(), 0..20_000_u64, 0..70_000_u64)
            .prop_map(|(region, offset, size)| Op::RegionStore { region, offset, size, who: 2 }),
        1 => (region(), 0..4_u8, who()).prop_map(|(region, owner, who)| Op::RegionOwner { region, owner, who }),
        8 => op(Load::Heavy),
    ];
    let start = (uploads(most - 10..most + 30), regions);
    (start, prop::collection::vec(crowd_op, 4..16)).prop_map(move |((uploads, regions), ops)| {
        let start = [Op::Configure { settings: max_uploads.clone() }, uploads, regions];
        start.into_iter().chain(ops).collect()
    })
}

/// Endless operations from a seed.
pub fn ops(load: Load, seed: u64) -> impl Iterator<Item = Op> {
    let config = Config { rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() };
    let (mut runner, op) = (TestRunner::new(config), op(load));
    std::iter::from_fn(move || Some(draw(&op, &mut runner)))
}

/// Decodes a list of operations from bytes: two bytes are the seed of one operation.
///
/// Proptest's own decoding halves the remaining bytes at every choice. Here, changing, inserting or removing bytes does the
/// same to operations, which a fuzzer needs.
#[must_use]
pub fn list_of_bytes(bytes: &[u8]) -> Vec<Op> {
    let op = op(Load::Heavy);
    let (seeds, _) = bytes.as_chunks::<2>();
    let of_seed = |[low, high]: &[u8; 2]| {
        let mut seed = [0; 32];
        seed[..2].copy_from_slice(&[*low, *high]);
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        draw(&op, &mut TestRunner::new_with_rng(Config::default(), rng))
    };
    seeds.iter().take(MAX_OPS).map(of_seed).collect()
}

fn draw(op: &impl Strategy<Value = Op>, runner: &mut TestRunner) -> Op {
    op.new_tree(runner).expect("nothing is filtered").current()
}

/// The parts are on the heap, because the value of a strategy is as large as all of its parts together: it did not fit the stack
/// of a test.
fn op(load: Load) -> BoxedStrategy<Op> {
    let op = prop_oneof![
        20 => object_op(load).boxed(),
        20 => upload_op(load).boxed(),
        5 => log_op(load).boxed(),
        8 => region_op(load).boxed(),
        8 => other_op(load).boxed(),
    ];
    match load {
        Load::Heavy => prop_oneof![6 => op, 1 => certified_op()].boxed(),
        // A canister certifies more in one step than these make, and says nothing of what it could not.
        Load::Light => op.boxed(),
    }
}

fn certified_op() -> impl Strategy<Value = Op> {
    let scope = || prop_oneof![9 => Just(0), 4 => 1..3_u8, 1 => 3..SCOPES];
    let site = || prop_oneof![9 => 0..5_u8, 4 => 5..15_u8, 1 => 15..SITES];
    prop_oneof![
        3 => (scope(), prop::bool::weighted(0.85))
            .prop_map(|(prefix, is_certified)| Op::SetCertified { prefix, is_certified }),
        3 => site().prop_map(|site| Op::SetSite { site }),
        1 => site().prop_map(|site| Op::RemoveSite { site }),
        16 => scope().prop_map(|scope| Op::Certify { scope }),
        2 => Just(Op::CertifyLog),
    ]
}

fn key() -> impl Strategy<Value = u8> {
    prop_oneof![30 => 0..KEYS - 2, 1 => KEYS - 2..KEYS, 4 => KEYS..=u8::MAX]
}

fn who() -> impl Strategy<Value = u8> {
    select(vec![0, 0, 0, 0, 2, 2, 2, 1, 3])
}

/// Mostly none, some valid ones, and rarely an invalid one.
fn metadata() -> impl Strategy<Value = u8> {
    prop_oneof![20 => Just(0), 30 => 1..GOOD_METADATA, 1 => GOOD_METADATA..ALL_METADATA]
}

fn condition() -> impl Strategy<Value = Cond> {
    prop_oneof![
        24 => Just(Cond::Any),
        4 => Just(Cond::Absent),
        4 => Just(Cond::Current),
        4 => Just(Cond::Stale),
        3 => Just(Cond::Digest),
        1 => (31..34_u8).prop_map(Cond::OtherDigest),
    ]
}

/// Rarely one that fails for an object, because it fails for the whole batch.
fn condition_in_batch() -> impl Strategy<Value = Cond> {
    prop_oneof![
        12 => Just(Cond::Any),
        5 => Just(Cond::Current),
        1 => Just(Cond::Digest),
        1 => select(vec![Cond::Absent, Cond::Stale, Cond::OtherDigest(31), Cond::OtherDigest(32)]),
    ]
}

/// Sizes on both sides of the inline limit, some large enough to fill a bucket soon, and some that exceed the limit.
fn size(load: Load) -> impl Strategy<Value = u64> {
    let (limit, most) = (INLINE_LIMIT, MAX_PAYLOAD_BYTES);
    prop_oneof![
        load.small(8) => 0..64_u64,
        load.small(6) => limit - 2..limit + 3,
        load.small(4) => 0..20_000_u64,
        2 => 0..100_000_u64,
        1 => 100_000..1_000_000_u64,
        4 => 1_000_000..=most,
        1 => most - 1..most + 2,
    ]
}

/// Size of each of several values.
fn size_in_batch(load: Load) -> BoxedStrategy<u64> {
    match load {
        Load::Heavy => size(load).boxed(),
        Load::Light => prop_oneof![30 => 0..10_000_u64, 1 => 0..600_000_u64].boxed(),
    }
}

/// Sizes on both sides of a chunk and of an extent, and some that hardly fit.
fn upload_size(load: Load) -> impl Strategy<Value = u64> {
    let around = |bytes: u64| bytes - 1..bytes + 2;
    prop_oneof![
        load.small(6) => 0..20_000_u64,
        load.small(1) => select(vec![0, u64::MAX, MAX_STABLE_BYTES + 1]),
        6 => around(CHUNK_BYTES),
        4 => around(2 * CHUNK_BYTES),
        2 => around(SLOT_EXTENT_BYTES),
        2 => around(2 * SLOT_EXTENT_BYTES + 100_000),
        1 => 0..MAX_STABLE_BYTES,
    ]
}

fn object_op(load: Load) -> impl Strategy<Value = Op> {
    let keys = prop_oneof![1 => prop::collection::vec(key(), 0..3), 5 => prop::collection::vec(key(), 3)];
    prop_oneof![
        8 => (key(), size(load), 0..3_u8, condition(), metadata())
            .prop_map(|(key, size, who, condition, metadata)| Op::Put { key, size, who, condition, metadata }),
        2 => (keys, size_in_batch(load), metadata())
            .prop_map(|(keys, size, metadata)| Op::PutMany { keys, size, metadata }),
        1 => (KEYS..200, 1..56_u8, 0..300_u64).prop_map(|(first, count, size)| {
            Op::PutMany { keys: (first..first + count).collect(), size, metadata: 0 }
        }),
        4 => (key(), condition()).prop_map(|(key, condition)| Op::Delete { key, condition }),
        2 => prop::collection::vec((key(), condition_in_batch()), 0..6)
            .prop_map(|keys| Op::DeleteMany { keys }),
        1 => (0..PREFIXES, prop_oneof![3 => 0..4_u32, 1 => 4..60_u32])
            .prop_map(|(prefix, limit)| Op::DeletePrefix { prefix, limit }),
        1 => (0..PREFIXES).prop_map(|prefix| Op::TakeFirst { prefix }),
        3 => (key(), key(), condition()).prop_map(|(from, to, condition)| Op::Rename { from, to, condition }),
        3 => copy(key(), key()),
        2 => key().prop_map(|key| Op::Verify { key }),
    ]
}

fn copy(from: impl Strategy<Value = u8>, to: impl Strategy<Value = u8>) -> impl Strategy<Value = Op> {
    let metadata = prop::option::weighted(0.3, metadata());
    (from, to, who(), condition(), condition(), metadata).prop_map(
        |(from, to, who, source, condition, metadata)| Op::Copy {
            from,
            to,
            who,
            source,
            condition,
            metadata,
        },
    )
}

fn copy_chunks(
    upload: impl Strategy<Value = u8>,
    from: impl Strategy<Value = u8>,
) -> impl Strategy<Value = Op> {
    let first = prop_oneof![12 => Just(0), 4 => 1..3_u64, 1 => Just(u64::MAX)];
    (upload, first, from, condition(), who()).prop_map(|(upload, first, from, source, who)| Op::CopyChunks {
        upload,
        first,
        from,
        source,
        who,
    })
}

fn upload_op(load: Load) -> impl Strategy<Value = Op> {
    let upload = || prop_oneof![9 => 0..2_u8, 1 => 2..5_u8];
    let seed = || select(vec![7, 7, 8]);
    let index = prop_oneof![20 => 0..3_u64, 1 => Just(u64::MAX)];
    let is_long = prop::bool::weighted(0.05);
    let digest = prop::option::of(seed());
    let size = prop_oneof![3 => upload_size(load).prop_map(Some), 1 => Just(None)];
    let create = (key(), size, who(), condition(), metadata(), digest);
    prop_oneof![
        4 => create.prop_map(|(key, size, who, condition, metadata, digest)| {
            Op::CreateUpload { key, size, who, condition, metadata, digest }
        }),
        3 => (upload(), index, seed(), is_long, who()).prop_map(|(upload, index, seed, is_long, who)| {
            Op::WriteChunk { upload, index, seed, is_long, who }
        }),
        8 => (upload(), seed()).prop_map(|(upload, seed)| Op::Fill { upload, seed }),
        8 => (upload(), who(), select(vec![0, 0, 0, 0, 1, 2, 3]))
            .prop_map(|(upload, who, end)| Op::Commit { upload, who, end }),
        3 => copy_chunks(upload(), key()),
        1 => (upload(), who()).prop_map(|(upload, who)| Op::Abort { upload, who }),
    ]
}

fn log_op(load: Load) -> impl Strategy<Value = Op> {
    let too_many = MAX_BATCH_ITEMS as usize + 1;
    let sizes = prop_oneof![
        40 => prop::collection::vec(0..50_u64, 0..80),
        20 => prop::collection::vec(size_in_batch(load), 0..4),
        1 => Just(vec![0; too_many]),
    ];
    prop_oneof![
        4 => sizes.prop_map(|sizes| Op::Append { sizes }),
        1 => (0..20_u8).prop_map(|words| Op::Log { words }),
    ]
}

fn region_op(load: Load) -> impl Strategy<Value = Op> {
    let region = || prop_oneof![12 => 16..18_u64, 1 => select(vec![15, 18, 19])];
    let most: u64 = if load == Load::Heavy { 70_000 } else { 258 };
    let pages = prop_oneof![load.small(6) => 0..3_u64, 1 => 255..258_u64, 1 => 3..most, 1 => Just(u64::MAX)];
    let offset = prop_oneof![6 => 0..200_000_u64, 3 => 65_300..65_540_u64, 1 => Just(u64::MAX)];
    let size = prop_oneof![9 => 0..300_u64, 1 => 0..70_000_u64];
    prop_oneof![
        1 => who().prop_map(|who| Op::RegionNew { who }),
        2 => (region(), pages, who()).prop_map(|(region, pages, who)| Op::RegionGrow { region, pages, who }),
        4 => (region(), offset, size, who())
            .prop_map(|(region, offset, size, who)| Op::RegionStore { region, offset, size, who }),
        1 => (region(), 0..4_u8, who()).prop_map(|(region, owner, who)| Op::RegionOwner { region, owner, who }),
    ]
}

fn other_op(load: Load) -> impl Strategy<Value = Op> {
    let role = select(vec![None, Some(Role::Reader), Some(Role::Writer), Some(Role::Admin)]);
    // The clock of a canister's host does not go back.
    let least: i64 = if load == Load::Heavy { -10 } else { 0 };
    let seconds = prop_oneof![2 => least..100_i64, 1 => (least..10_i64).prop_map(|days| days * DAY_SECONDS)];
    prop_oneof![
        3 => (0..5_u8, role).prop_map(|(principal, role)| Op::SetRole { principal, role }),
        1 => settings().prop_map(|settings| Op::Configure { settings }),
        1 => seconds.prop_map(|seconds| Op::Wait { seconds }),
        1 => Just(Op::Reopen),
        2 => any::<bool>().prop_map(|sealed| Op::Upgrade { sealed }),
    ]
}

/// Settings on both sides of their limits. A capacity of a few buckets lasts until another one is set, so it is rare.
fn settings() -> impl Strategy<Value = Settings> {
    let few = (0..16_u64).prop_map(|buckets| MIN_CAPACITY_BYTES + buckets * BUCKET_BYTES);
    let capacity = prop_oneof![2 => few, 2 => Just(MAX_STABLE_BYTES), 1 => Just(MIN_CAPACITY_BYTES - 1), 1 => Just(u64::MAX)];
    let uploads = prop_oneof![4 => 0..5_u64, 1 => MAX_UPLOADS..MAX_UPLOADS + 2];
    let (least, most) = (MIN_UPLOAD_IDLE_NS, MAX_UPLOAD_IDLE_NS);
    let idle = select(vec![0, least - 1, least, least, 2 * least, 2 * least, most, most + 1]);
    let option = prop::option::of::<BoxedStrategy<u64>>;
    (
        prop::option::weighted(0.3, capacity),
        prop::option::of(any::<bool>()),
        option(uploads.boxed()),
        option(idle.boxed()),
    )
        .prop_map(|(capacity, public_read, max_uploads, upload_idle_ns)| Settings {
            capacity,
            public_read,
            max_uploads,
            upload_idle_ns,
        })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::mem::discriminant;

    use super::*;
    use crate::differential::Differential;
    use crate::state::State;

    /// Number of cases of [`Op`], except those about many uploads and regions.
    const CASES: usize = 31;

    /// Number of those that certify something, which are not light.
    const CERTIFYING_CASES: usize = 5;

    fn cases(ops: impl Iterator<Item = Op>) -> usize {
        ops.map(|op| discriminant(&op)).collect::<HashSet<_>>().len()
    }

    #[test]
    fn every_operation_is_drawn() {
        for (load, expected) in [(Load::Heavy, CASES), (Load::Light, CASES - CERTIFYING_CASES)] {
            assert_eq!(cases(ops(load, 1).take(3_000)), expected, "{load:?}");
        }
        let lists = (0..1_000_u16).flat_map(|number| list_of_bytes(&number.to_le_bytes()));
        assert_eq!(cases(lists), CASES);
    }

    #[test]
    fn a_seed_and_bytes_mean_the_same_each_time() {
        let shown = |ops: &mut dyn Iterator<Item = Op>| ops.map(|op| format!("{op:?}")).collect::<Vec<_>>();
        assert_eq!(shown(&mut ops(Load::Light, 7).take(50)), shown(&mut ops(Load::Light, 7).take(50)));
        assert_ne!(shown(&mut ops(Load::Light, 7).take(50)), shown(&mut ops(Load::Light, 8).take(50)));
        // Inserting before the others leaves those unchanged.
        let (list, longer) = (list_of_bytes(&[1, 2, 3, 4]), list_of_bytes(&[9, 9, 1, 2, 3, 4]));
        assert_eq!(shown(&mut list.into_iter()), shown(&mut longer.into_iter().skip(1)));
    }

    /// Prints the state after each operation of lists from a seed.
    fn run(
        count: u64,
        lists: impl Strategy<Value = Vec<Op>>,
        pair: impl Fn() -> Differential,
        mut look: impl FnMut(u64, State),
    ) {
        let config = Config { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new(config);
        for list in 0..count {
            let mut pair = pair();
            for op in lists.new_tree(&mut runner).expect("nothing is filtered").current() {
                pair.apply(&op);
                look(list, pair.model().state());
            }
        }
    }

    #[test]
    fn most_lists_with_large_objects_complete_one_of_four_extents() {
        let mut complete = HashSet::new();
        run(8, lists_with_large_objects(), Differential::with_large_objects, |list, state| {
            if state.objects.iter().any(|object| object.size > 3 * SLOT_EXTENT_BYTES) {
                complete.insert(list);
            }
        });
        assert!(complete.len() > 5, "{complete:?}");
    }

    #[test]
    fn crowded_lists_reach_the_maximum_of_uploads_and_regions() {
        let (mut uploads, mut regions) = (0, 0);
        run(
            3,
            lists_in_a_crowd().prop_map(|ops| ops[..3].to_vec()),
            || Differential::new(None),
            |_, State { totals, .. }| {
                (uploads, regions) = (uploads.max(totals.uploads), regions.max(totals.regions));
            },
        );
        assert_eq!((uploads, regions), (MAX_UPLOADS, MAX_REGIONS));
    }

    #[test]
    fn lists_certify_objects_under_a_prefix_and_in_a_site() {
        let [mut prefixes, mut sites, mut pending] = [(); 3].map(|()| HashSet::new());
        run(
            8,
            lists(),
            || Differential::new(None),
            |list, state| {
                let has_object =
                    |prefix: &str| state.objects.iter().any(|object| object.key.starts_with(prefix));
                if state.prefixes.iter().any(|known| known.complete && has_object(&known.prefix)) {
                    prefixes.insert(list);
                }
                if state.sites.iter().any(|known| known.complete && has_object(&known.site.prefix)) {
                    sites.insert(list);
                }
                if state.sites.iter().any(|known| known.pending > 0) {
                    pending.insert(list);
                }
            },
        );
        let lists = [prefixes.len(), sites.len(), pending.len()];
        assert!(lists.iter().all(|lists| *lists > 1), "{lists:?}");
    }

    /// An ingress message has 2 MiB.
    #[test]
    fn light_operations_fit_a_message() {
        for op in ops(Load::Light, 3).take(20_000) {
            let bytes = match &op {
                Op::Put { size, .. } => *size,
                Op::PutMany { keys, size, .. } => keys.len() as u64 * size,
                Op::Append { sizes } => sizes.iter().sum(),
                _ => 0,
            };
            assert!(bytes <= MAX_PAYLOAD_BYTES + 1, "{op:?}");
        }
    }
}
