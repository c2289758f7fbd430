//! The modules of each crate import each other without circles, and those of the engine only from the same or a lower floor.
//!
//! A module is a file. Imports are the paths of `use` declarations and all other paths that start with `crate::`, outside of
//! tests. The root of a crate may import everything and is not imported by this rule.

mod imports;

use std::collections::BTreeSet;

use imports::{Graph, crate_graph};

/// The crates whose structure is checked: those with more than one file.
const CRATES: [&str; 11] = [
    "canister",
    "crates/api",
    "crates/cli",
    "crates/client",
    "crates/embedded-ic",
    "crates/engine",
    "crates/model",
    "crates/replica",
    "crates/testkit",
    "crates/wire",
    "integration-tests",
];

/// The floors of the engine, from the bottom: a folder each.
const ENGINE_FLOORS: [&str; 6] = ["base", "memory", "structures", "core", "subjects", "store"];

/// Imports of the engine from a higher floor that are still to be removed. A fixed one must be deleted here.
const KNOWN_UPWARD: &[(&str, &str)] = &[];

/// Circles that are still to be removed, as crate and members. A fixed one must be deleted here.
const KNOWN_CIRCLES: &[(&str, &[&str])] = &[];

#[test]
fn modules_import_each_other_without_circles() {
    let mut problems = Vec::new();
    for name in CRATES {
        let found: BTreeSet<Vec<String>> = crate_graph(name).circles().into_iter().collect();
        let known: BTreeSet<Vec<String>> = KNOWN_CIRCLES
            .iter()
            .filter(|(of, _)| *of == name)
            .map(|(_, members)| members.iter().map(|member| (*member).to_owned()).collect())
            .collect();
        problems.extend(found.difference(&known).map(|circle| format!("{name} has the circle {circle:?}")));
        problems.extend(
            known
                .difference(&found)
                .map(|circle| format!("{name}: {circle:?} is fixed, remove it from the list")),
        );
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn modules_of_the_engine_import_no_higher_floor() {
    let mut found = BTreeSet::new();
    for (from, to) in crate_graph("crates/engine").between_first_names() {
        let floor = |module: &str| {
            let floor = ENGINE_FLOORS.iter().position(|floor| *floor == module);
            floor.unwrap_or_else(|| panic!("the engine's module {module} is on no floor"))
        };
        if floor(&to) > floor(&from) {
            found.insert((from, to));
        }
    }
    let known: BTreeSet<_> =
        KNOWN_UPWARD.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
    let new: Vec<_> = found.difference(&known).collect();
    let fixed: Vec<_> = known.difference(&found).collect();
    assert!(new.is_empty(), "imports from a higher floor: {new:?}");
    assert!(fixed.is_empty(), "fixed, remove them from the list: {fixed:?}");
}

#[test]
fn a_circle_is_found() {
    let mut graph = Graph::default();
    for (from, to) in [("a", "b"), ("b", "c::d"), ("c::d", "a"), ("d", "a")] {
        graph.add(from, to);
    }
    assert_eq!(graph.circles(), [vec!["a", "b", "c::d"]]);
}

#[test]
fn imports_are_read() {
    let source = "use crate::{a::B, c::{self, D}};\nuse super::e;\nfn f() { crate::g::h(); }\n\
                  // use crate::comment;\n#[cfg(test)]\nmod tests { use crate::only_in_tests; }\n";
    let found = imports::paths(source, &["x".into(), "y".into()]);
    let found: BTreeSet<_> = found.iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["a::B", "c", "c::D", "g::h", "x::e"].map(String::from).into());
}
