//! The modules of each crate import each other without circles, and those of the engine only from the same or a lower floor.
//!
//! A module is a file. Imports are the paths of `use` declarations and all other paths that start with `crate::`, outside of
//! tests. The root of a crate may import everything and is not imported by this rule.

mod imports;

use std::collections::BTreeSet;

use imports::{Graph, crate_graph};

/// The crates whose structure is checked: those with more than one file.
const CRATES: [&str; 14] = [
    "canister",
    "crates/api",
    "crates/cli",
    "crates/client",
    "crates/embedded-ic",
    "crates/engine",
    "crates/model",
    "crates/object-store",
    "crates/replica",
    "crates/s3",
    "crates/testkit",
    "crates/verify",
    "crates/wire",
    "integration-tests",
];

/// The floors of the engine, from the bottom: a folder each.
const ENGINE_FLOORS: [&str; 6] = ["base", "memory", "structures", "core", "subjects", "store"];

#[test]
fn modules_import_each_other_without_circles() {
    let circles = |name: &'static str| {
        crate_graph(name).circles().into_iter().map(move |circle| format!("{name} has the circle {circle:?}"))
    };
    let problems: Vec<_> = CRATES.into_iter().flat_map(circles).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn modules_of_the_engine_import_no_higher_floor() {
    let floor = |module: &str| {
        let floor = ENGINE_FLOORS.iter().position(|floor| *floor == module);
        floor.unwrap_or_else(|| panic!("the engine's module {module} is on no floor"))
    };
    let imports = crate_graph("crates/engine").between_first_names();
    let upward: BTreeSet<_> = imports.into_iter().filter(|(from, to)| floor(to) > floor(from)).collect();
    assert!(upward.is_empty(), "imports from a higher floor: {upward:?}");
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
