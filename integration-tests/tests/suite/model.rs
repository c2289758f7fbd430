//! Random changes with upgrades among them, held against a model in ordinary collections.
//!
//! The seed is printed first; `STORAGE_TEST_SEED` repeats a run.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    env,
};

use integration_tests::{Harness, SuiteClient, data, expect};
use storage_api::{Condition, Error, PutArgs};

const STEPS: usize = 600;

/// What the canister must hold.
#[derive(Default)]
struct Model {
    objects: BTreeMap<String, Vec<u8>>,
    log: Vec<Vec<u8>>,
}

/// A key of a domain so small that objects meet.
fn some_key(random: &mut data::Random) -> String {
    ["a", "a/1", "a/2", "b", "b/1", "é", "z"][random.below(7)].to_owned()
}

/// A value of a size near the places where something changes.
fn some_value(random: &mut data::Random) -> Vec<u8> {
    let size = match random.below(8) {
        0 => 0,
        1 => random.below(600_000),
        2..5 => 1_000 + random.below(50),
        _ => random.below(5_000),
    };
    data::bytes(random.next_u64(), size)
}

async fn put(client: &SuiteClient, model: &mut Model, random: &mut data::Random) {
    let (key, value) = (some_key(random), some_value(random));
    client.put(&key, &value).await.unwrap();
    model.objects.insert(key, value);
}

async fn put_if_absent(client: &SuiteClient, model: &mut Model, random: &mut data::Random) {
    let (key, value) = (some_key(random), some_value(random));
    let result = client.put_with(PutArgs::new(&*key, value.clone()).when(Condition::Absent)).await;
    match model.objects.entry(key) {
        Entry::Occupied(_) => assert_eq!(expect::storage_error(result), Error::AlreadyExists),
        Entry::Vacant(free) => {
            assert_eq!(result.unwrap().size, value.len() as u64);
            free.insert(value);
        }
    }
}

async fn rename(client: &SuiteClient, model: &mut Model, random: &mut data::Random) {
    let (from, to) = (some_key(random), some_key(random));
    let result = client.rename(&from, &to).await;
    match model.objects.remove(&from) {
        None => assert_eq!(expect::storage_error(result), Error::NotFound),
        Some(value) => {
            assert_eq!(result.unwrap().key, to);
            model.objects.insert(to, value);
        }
    }
}

async fn remove(client: &SuiteClient, model: &mut Model, random: &mut data::Random) {
    let key = some_key(random);
    match random.below(3) {
        0 => assert_eq!(client.delete(&key).await.unwrap(), model.objects.remove(&key).is_some()),
        1 => {
            let first = model.objects.keys().find(|other| other.starts_with(&key)).cloned();
            let expected = first.and_then(|first| model.objects.remove_entry(&first));
            let taken = client.take_first(&key).await.unwrap();
            assert_eq!(taken.map(|entry| (entry.key, entry.value.into_vec())), expected);
        }
        _ => {
            let before = model.objects.len();
            model.objects.retain(|other, _| !other.starts_with(&key));
            assert_eq!(client.delete_all(&key).await.unwrap(), (before - model.objects.len()) as u64);
        }
    }
}

async fn append(client: &SuiteClient, model: &mut Model, random: &mut data::Random) {
    let entries: Vec<_> = (0..random.below(90)).map(|number| vec![number as u8; random.below(50)]).collect();
    let appended = client.append(&entries).await.unwrap();
    assert_eq!(appended.first, model.log.len() as u64);
    model.log.extend(entries);
    assert_eq!(appended.next, model.log.len() as u64);
}

async fn assert_same(client: &SuiteClient, model: &Model) {
    let entries = client.scan_all("").await.unwrap();
    let found: BTreeMap<_, _> =
        entries.into_iter().map(|entry| (entry.key, entry.value.into_vec())).collect();
    assert!(found == model.objects, "the objects differ from the model");
    assert!(client.read_log_all(0).await.unwrap() == model.log, "the log differs from the model");
    let status = client.status().await.unwrap();
    assert_eq!(status.object_bytes, model.objects.values().map(|value| value.len() as u64).sum::<u64>());
}

/// Whatever is done in whichever order, with upgrades of both kinds in between, the canister holds what the model holds.
#[tokio::test]
async fn the_canister_holds_what_the_model_holds() {
    let seed =
        env::var("STORAGE_TEST_SEED").map_or(20_261_121, |seed| seed.parse().expect("a seed is a number"));
    println!("STORAGE_TEST_SEED={seed}");
    let mut random = data::Random::new(seed);
    let harness = Harness::start().await;
    let (client, mut model) = (harness.client(), Model::default());
    for step in 0..STEPS {
        match random.below(20) {
            0..8 => put(&client, &mut model, &mut random).await,
            8..10 => put_if_absent(&client, &mut model, &mut random).await,
            10..13 => rename(&client, &mut model, &mut random).await,
            13..16 => remove(&client, &mut model, &mut random).await,
            16..18 => append(&client, &mut model, &mut random).await,
            18 => drop(harness.upgrade().await),
            _ => drop(harness.upgrade_skipping_pre_upgrade().await),
        }
        if step % 50 == 0 {
            assert_same(&client, &model).await;
        }
    }
    assert_same(&client, &model).await;
}
