//! Budgets of the canister's messages, as defined by issue 13.

/// Returns the budget of a case in its unit; `None` if there is none.
pub(super) fn of(case: &str) -> Option<f64> {
    Some(match case {
        "get_100B" => 13_700.0,
        "put_100B" => 17_500.0,
        "overwrite_100B" => 16_500.0,
        "delete_100B" => 11_000.0,
        "put_many_random" => 9_500.0,
        "put_many_sequential" => 5_500.0,
        "get_many_100" => 8_000.0,
        "list_100" => 3_700.0,
        "scan_100" => 7_300.0,
        "take_first" => 18_000.0,
        "rename" | "rename_1GiB" => 21_000.0,
        "log_100B" => 6_200.0,
        "log_100B_writer" => 5_300.0,
        "append_1000" => 500.0,
        "read_last_1000" | "read_log_1000" => 5_700.0,
        "log_1MiB" => 2.4,
        "put_1MiB" => 2.3,
        "get_1MiB" => 51.04,
        "write_chunk_31_pages" => 2.28,
        "create_upload_1GiB" => 30_000.0,
        "commit_upload_1GiB" => 25_000.0,
        "delete_1GiB" => 90_000.0,
        "open_empty" | "open_objects" | "open_full" => 90_000.0,
        _ => return None,
    })
}

/// Returns the most heap pages that a message of a case may write, on average.
pub(super) fn of_heap_pages(case: &str) -> Option<f64> {
    match case {
        "put_100B" => Some(7.0),
        "get_100B" => Some(5.0),
        _ => None,
    }
}
