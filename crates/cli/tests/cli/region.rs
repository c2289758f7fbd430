//! Regions.

use crate::harness::{MAX_PAYLOAD, Store, failed, numbers, output};

/// A region is created, grown, written and read, and survives an upgrade.
#[test]
fn a_region_is_written_and_read() {
    let store = Store::new();
    assert_eq!(store.text(&["region", "new"]), "16\n");
    assert_eq!(store.text(&["region", "new", "40"]), "17\n");
    assert_eq!(store.text(&["region", "grow", "17", "2"]), "40\n");
    let content = numbers(MAX_PAYLOAD + 9);
    store.run(&["region", "store", "17", "100", &store.file("file", &content)]);
    store.run_with_input(&["region", "store", "17", "0", "-"], b"start");
    store.run(&["upgrade"]);
    let length = content.len().to_string();
    assert!(store.run(&["region", "load", "17", "100", &length]) == content);
    assert_eq!(store.run(&["region", "load", "17", "0", "6"]), b"start\0");
    assert_eq!(store.run(&["region", "load", "17"]).len(), 42 << 16);
    let shown = store.text(&["region", "info", "17"]);
    assert!(shown.contains("pages    42\nsize     2.6 MiB (2,752,512 bytes)\n"), "{shown}");
    let listed = store.json(&["region", "ls"]);
    assert_eq!((&listed[0]["id"], &listed[1]["pages"]), (&16.into(), &42.into()));
    assert!(store.text(&["status"]).contains("regions        2\n"));
}

/// A pipe is stored piece by piece, without a temporary file. If it does not fit, the error states how much was stored.
#[test]
fn pipe_is_stored_piece_by_piece() {
    let store = Store::new();
    store.run(&["region", "new", "80"]);
    let content = numbers(2 * MAX_PAYLOAD + 9);
    // A temporary file could not be written there.
    let stored = |offset: &str| {
        let mut command = store.command(&["region", "store", "16", offset, "-"]);
        command.env("TMPDIR", store.path("nowhere"));
        output(command, &content)
    };
    assert!(stored("7").status.success());
    let length = content.len().to_string();
    assert!(store.run(&["region", "load", "16", "7", &length]) == content);

    let size = 80 << 16;
    let said = failed(1, stored(&(size - MAX_PAYLOAD - 1).to_string()));
    assert!(said.contains("only the first 2,031,616 bytes were stored"), "{said}");
    assert!(said.contains("exceed region 16 of 5,242,880 bytes"), "{said}");
    assert!(store.fail(3, &["region", "store", "99", "0", "/dev/null"]).contains("storage region ls"));
}

/// Numbers of all types are written and read, and one that does not fit its type is rejected.
#[test]
fn numbers_are_written_and_read() {
    let store = Store::new();
    store.run(&["region", "new", "1"]);
    for (kind, value) in
        [("nat8", "255"), ("nat64", "18446744073709551615"), ("int32", "-5"), ("float", "-0.25")]
    {
        store.run(&["region", "set", "16", "8", kind, value]);
        assert_eq!(store.text(&["region", "get", "16", "8", kind]), format!("{value}\n"));
    }
    assert!(store.fail(1, &["region", "set", "16", "0", "nat8", "256"]).contains("is not a Nat8"));
    assert!(store.fail(1, &["region", "get", "16", "65535", "nat16"]).contains("out of range"));
}

/// A range outside a region is rejected before anything is read or written, and a missing region is not found.
#[test]
fn ranges_outside_a_region_are_rejected() {
    let store = Store::new();
    store.run(&["region", "new", "1"]);
    let file = store.file("file", &[1; 10]);
    assert!(store.fail(1, &["region", "store", "16", "65530", &file]).contains("exceed region 16"));
    assert!(store.run(&["region", "load", "16"]).iter().all(|byte| *byte == 0));
    assert!(
        store.fail(1, &["region", "load", "16", "65530", "7"]).contains("exceed region 16 of 65,536 bytes")
    );
    assert!(store.fail(3, &["region", "info", "99"]).contains("storage region ls"));
}

/// A transferred region belongs to another principal.
#[test]
fn region_is_transferred() {
    let store = Store::new();
    store.run(&["region", "new"]);
    store.run(&["region", "give", "16", "aaaaa-aa"]);
    assert_eq!(store.json(&["region", "info", "16"])["owner"], "aaaaa-aa");
    store.fail(2, &["region", "give", "16", "invalid"]);
}
