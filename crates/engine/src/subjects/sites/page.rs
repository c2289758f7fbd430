//! Pages: the small hash trees under `<$>` and `<*>`, one for each path of a URL.
//!
//! A page is a map: hash of the expression, hash of the request (or an empty label), hash of the response, and a leaf without
//! contents. The tree in stable memory has only the digest of a page. A page is computed again for each witness, from the site and
//! from what is known of the objects, and must have that digest.

use super::digest::sorted;
use super::expression::Expression;
use crate::structures::hash_tree::{Digest, HashTree, labeled};

/// A certified response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Response {
    /// Hash of the expression, so that the order is that of the labels.
    expression: Digest,
    /// Hash of the request, for expressions that certify the request.
    request: Option<Digest>,
    /// Hash of the response; none if the expression certifies nothing.
    response: Option<Digest>,
}

impl Response {
    /// Any response whatever.
    pub(crate) const SKIP: Self =
        Self { expression: *Expression::Skip.digest(), request: None, response: None };

    /// A response to every request.
    pub(crate) fn to_all(response: Digest) -> Self {
        Self { expression: *Expression::Response.digest(), request: None, response: Some(response) }
    }

    /// A response to requests with one value of `if-none-match`.
    pub(crate) fn to_request(request: Digest, response: Digest) -> Self {
        Self {
            expression: *Expression::IfNoneMatch.digest(),
            request: Some(request),
            response: Some(response),
        }
    }
}

/// The certified responses of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page(Vec<Response>);

impl Page {
    /// Creates a page with these responses. It must have at least one.
    pub(crate) fn new(responses: Vec<Response>) -> Self {
        let mut responses = sorted(responses);
        responses.dedup();
        debug_assert!(!responses.is_empty(), "an empty page would be the digest of an empty tree");
        Self(responses)
    }

    /// Returns the digest of the page.
    pub(crate) fn digest(&self) -> Digest {
        self.witness(None).digest()
    }

    /// Returns the witness that a response is in the page, or `None` if it is not.
    pub(crate) fn reveal(&self, response: &Response) -> Option<HashTree> {
        self.0.binary_search(response).is_ok().then(|| self.witness(Some(response)))
    }

    fn witness(&self, shown: Option<&Response>) -> HashTree {
        let expressions: Vec<_> = self.0.chunk_by(|a, b| a.expression == b.expression).collect();
        balanced(&expressions, &|group| {
            let below = match group[0].response {
                Some(_) => requests(group, shown),
                None => end(shown == Some(&group[0])),
            };
            under(&group[0].expression, below)
        })
    }
}

/// Returns the tree of the responses of one expression.
fn requests(group: &[Response], shown: Option<&Response>) -> HashTree {
    let requests: Vec<_> = group.chunk_by(|a, b| a.request == b.request).collect();
    balanced(&requests, &|group| {
        let responses = balanced(group, &|response| {
            let label = response.response.as_ref().expect("the responses of an expression are alike");
            under(label, end(shown == Some(response)))
        });
        under(group[0].request.as_ref().map_or(&[], |request| &request[..]), responses)
    })
}

/// Returns the tree of some labels in ascending order, each half of them under a fork.
fn balanced<T>(items: &[T], tree: &impl Fn(&T) -> HashTree) -> HashTree {
    match items {
        [] => HashTree::Empty,
        [item] => tree(item),
        items => {
            let (left, right) = items.split_at(items.len() / 2);
            HashTree::fork(balanced(left, tree), balanced(right, tree))
        }
    }
}

/// Returns a tree under a label, which is pruned if the tree is.
fn under(label: &[u8], tree: HashTree) -> HashTree {
    match tree {
        HashTree::Pruned(digest) => HashTree::Pruned(labeled(label, &digest)),
        tree => HashTree::labeled(label, tree),
    }
}

fn end(is_shown: bool) -> HashTree {
    if is_shown { HashTree::Leaf(Vec::new()) } else { HashTree::Pruned(EMPTY_LEAF) }
}

/// Digest of a leaf without contents.
const EMPTY_LEAF: Digest = [
    0xd0, 0x01, 0xf3, 0xe7, 0xb8, 0x21, 0x66, 0xc6, 0xd3, 0x43, 0xa1, 0xef, 0xe7, 0x76, 0xe9, 0x6a, 0xc0,
    0x2a, 0x23, 0xa5, 0x1e, 0x08, 0x98, 0xbc, 0x2c, 0x4e, 0x32, 0x3f, 0xce, 0x0e, 0x62, 0x2c,
];

#[cfg(test)]
mod tests {
    use ic_certification::LookupResult;
    use proptest::prelude::*;

    use super::*;

    fn tree_of(witness: &HashTree) -> ic_certification::HashTree {
        serde_cbor::from_slice(&witness.to_cbor()).unwrap()
    }

    fn responses() -> impl Strategy<Value = Vec<Response>> {
        let digest = || any::<u8>().prop_map(|byte| [byte; 32]);
        let response = prop_oneof![
            1 => Just(Response::SKIP),
            5 => digest().prop_map(Response::to_all),
            5 => (digest(), digest()).prop_map(|(request, response)| Response::to_request(request, response)),
        ];
        proptest::collection::vec(response, 1..20)
    }

    fn labels(response: &Response) -> Vec<Vec<u8>> {
        let mut labels = vec![response.expression.to_vec()];
        if let Some(hash) = response.response {
            labels.push(response.request.map_or(vec![], |request| request.to_vec()));
            labels.push(hash.to_vec());
        }
        labels
    }

    proptest! {
        #[test]
        fn a_witness_shows_one_response_and_has_the_digest_of_the_page(responses in responses()) {
            let page = Page::new(responses.clone());
            for shown in &responses {
                let tree = tree_of(&page.reveal(shown).unwrap());
                prop_assert_eq!(tree.digest(), page.digest());
                for response in &responses {
                    let is_shown = matches!(tree.lookup_path(labels(response)), LookupResult::Found([]));
                    prop_assert_eq!(is_shown, response == shown);
                }
            }
        }
    }

    #[test]
    fn a_response_that_is_not_in_the_page_has_no_witness() {
        let page = Page::new(vec![Response::to_all([1; 32])]);
        assert_eq!(page.reveal(&Response::to_all([2; 32])), None);
        assert_eq!(page.reveal(&Response::to_request([1; 32], [1; 32])), None);
        assert_eq!(page.reveal(&Response::SKIP), None);
    }

    #[test]
    fn skipping_equals_the_tree_of_the_reference() {
        let page = Page::new(vec![Response::SKIP]);
        let tree =
            HashTree::labeled(b"http_expr", HashTree::labeled(b"<*>", page.reveal(&Response::SKIP).unwrap()));
        let expected = ic_http_certification::utils::skip_certification_certified_data();
        assert_eq!(
            (tree.digest(), page.digest()),
            (expected, page.reveal(&Response::SKIP).unwrap().digest())
        );
    }

    #[test]
    fn the_digest_of_an_empty_leaf_is_the_constant() {
        assert_eq!(HashTree::Leaf(Vec::new()).digest(), EMPTY_LEAF);
    }
}
