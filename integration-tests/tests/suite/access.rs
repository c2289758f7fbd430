//! Who may call what: until roles come, controllers may do everything and others nothing.

use candid::Principal;
use integration_tests::{
    Harness,
    contract::{Method, methods},
    controller, stranger,
};
use storage_client::{Transport, TransportError};

/// Whether a call was refused because of who made it, in the way that the contract says.
fn is_refused(method: &Method, reply: &Result<Vec<u8>, TransportError>) -> bool {
    match reply {
        Ok(reply) => {
            let text = method.show(reply);
            text.contains("Err = ") && text.contains("Unauthorized")
        }
        // Methods without a result in their reply: StableLog's.
        Err(TransportError::Rejected { message, .. }) => message.contains("unauthorized"),
        Err(error) => panic!("{}: {error}", method.name),
    }
}

/// Every method of the contract refuses strangers and anonymous callers, and their calls leave no trace.
#[tokio::test]
async fn strangers_may_call_nothing() {
    let harness = Harness::start().await;
    let client = harness.client();
    client.put("key", b"value").await.unwrap();
    client.log("entry").await.unwrap();
    let before = harness.stable_memory().await;

    for method in methods() {
        for sender in [stranger(), Principal::anonymous()] {
            let reply = method.call(&harness.transport(sender), method.args.clone()).await;
            assert!(is_refused(&method, &reply), "{} let {sender} in: {reply:?}", method.name);
        }
    }
    assert!(harness.stable_memory().await == before, "a call that was refused changed stable memory");
}

/// A query that a stranger sends as an update is refused as well.
#[tokio::test]
async fn queries_as_updates_are_refused_too() {
    let harness = Harness::start().await;
    for method in methods().iter().filter(|method| method.is_query) {
        let reply = harness.transport(stranger()).update(&method.name, method.args.clone()).await;
        assert!(is_refused(method, &reply), "{} let a stranger in: {reply:?}", method.name);
    }
}

/// The controller is refused nowhere, with the very arguments that strangers are refused with.
#[tokio::test]
async fn the_controller_may_call_everything() {
    let harness = Harness::start().await;
    for method in methods() {
        let reply = method.call(&harness.transport(controller()), method.args.clone()).await;
        assert!(reply.is_ok(), "{}: {reply:?}", method.name);
        assert!(!is_refused(&method, &reply), "{} refused its controller", method.name);
    }
}
