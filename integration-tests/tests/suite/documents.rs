//! Calls of the canister that the documents show.

use integration_tests::{Harness, contract::methods, controller, stranger};

const DOCUMENTS: [(&str, &str); 2] = [
    ("README.md", include_str!("../../../README.md")),
    ("docs/OPERATIONS.md", include_str!("../../../docs/OPERATIONS.md")),
];

/// Returns the method and the arguments of a line `icp canister call storage METHOD 'ARGUMENTS'`.
fn call(line: &str) -> Option<(&str, &str)> {
    let (method, arguments) = line.strip_prefix("icp canister call storage ")?.split_once(' ')?;
    let (arguments, _) = arguments.strip_prefix('\'')?.rsplit_once('\'')?;
    Some((method, arguments))
}

/// Every call in the documents is one of the contract's methods with arguments of its types, and it succeeds, in order.
#[tokio::test]
async fn calls_in_the_documents_succeed() {
    let methods = methods();
    for (document, text) in DOCUMENTS {
        let transport = Harness::start().await.transport(controller());
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("icp canister call ")).collect();
        assert!(!lines.is_empty(), "{document} shows no call: remove it from this test");
        for line in lines {
            let (name, arguments) =
                call(line).unwrap_or_else(|| panic!("{document}: cannot be read: {line}"));
            let method = methods.iter().find(|method| method.name == name);
            let method =
                method.unwrap_or_else(|| panic!("{document}: storage.did has no such method: {line}"));
            let arguments = method.encode(&arguments.replace('…', &stranger().to_string()));
            let arguments = arguments.unwrap_or_else(|error| panic!("{document}: {line}: {error}"));
            let reply = method.call(&transport, arguments).await.unwrap();
            let reply = method.show(&reply);
            assert!(!reply.contains("Err = "), "{document}: {line}: {reply}");
        }
    }
}
