//! Pages of objects: the witness shows that no object is missing.

use stable_storage_api::{CertifiedPage, ListArgs, ObjectInfo};

use crate::error::VerifyError;
use crate::record::record;
use crate::tree::Tree;

/// Checks a page against the children of the tree of objects, which are in order.
///
/// Hidden ones may be only before the label that precedes the page and after the one that follows it.
pub(crate) fn check(
    args: &ListArgs,
    page: &CertifiedPage,
    children: &[&Tree<'_>],
) -> Result<(), VerifyError> {
    let is_after_start = |label: &[u8]| {
        label >= args.prefix.as_bytes()
            && args.start_after.as_ref().is_none_or(|start| label > start.as_bytes())
    };
    let first = children.iter().position(|child| child.label().is_some_and(is_after_start));
    let first = first.unwrap_or(children.len());
    // Labels before the prefix itself are not under it.
    if children.get(first).and_then(|child| child.label()) != Some(args.prefix.as_bytes()) {
        check_shown(children, first.checked_sub(1))?;
    }
    for (index, info) in page.objects.iter().enumerate() {
        let key = info.key.as_bytes();
        if !info.key.starts_with(&args.prefix) || !is_after_start(key) {
            return Err(VerifyError::OutsidePage { key: info.key.clone() });
        }
        check_shown(children, Some(first + index))?;
        check_object(info, children.get(first + index).copied())?;
    }
    check_end(args, page, children, first + page.objects.len())
}

/// Checks an object of the page with the tree at its place.
fn check_object(info: &ObjectInfo, child: Option<&Tree<'_>>) -> Result<(), VerifyError> {
    let key = || info.key.clone();
    match child {
        Some(Tree::Labeled(label, leaf)) if *label == info.key.as_bytes() => check_record(info, leaf),
        Some(Tree::Labeled(label, _)) if *label < info.key.as_bytes() => {
            Err(VerifyError::Omitted { key: String::from_utf8_lossy(label).into() })
        }
        _ => Err(VerifyError::Added { key: key() }),
    }
}

/// Checks that the leaf of an object has the record of its metadata.
pub(crate) fn check_record(info: &ObjectInfo, leaf: &Tree<'_>) -> Result<(), VerifyError> {
    let Tree::Leaf(contents) = leaf else {
        return Err(VerifyError::NotShown { key: info.key.clone() });
    };
    if record(info).as_deref() != Some(*contents) {
        return Err(VerifyError::Metadata { key: info.key.clone() });
    }
    Ok(())
}

/// Checks that the page ends where it must: before a label that is not under the prefix, or where the next page begins.
fn check_end(
    args: &ListArgs,
    page: &CertifiedPage,
    children: &[&Tree<'_>],
    end: usize,
) -> Result<(), VerifyError> {
    let last = page.objects.last().map(|info| &info.key);
    match &page.next {
        Some(next) if Some(next) == last => Ok(()),
        Some(next) => Err(VerifyError::Next { next: next.clone(), last: last.cloned() }),
        None => {
            check_shown(children, Some(end))?;
            match children.get(end).and_then(|child| child.label()) {
                Some(label) if label.starts_with(args.prefix.as_bytes()) => {
                    Err(VerifyError::Omitted { key: String::from_utf8_lossy(label).into() })
                }
                _ => Ok(()),
            }
        }
    }
}

/// Checks that the child at an index is not pruned, if there is one.
fn check_shown(children: &[&Tree<'_>], index: Option<usize>) -> Result<(), VerifyError> {
    let label = |index: Option<usize>| {
        let label = children.get(index?)?.label()?;
        Some(String::from_utf8_lossy(label).into_owned())
    };
    match index {
        Some(at) if matches!(children.get(at), Some(Tree::Pruned(_))) => {
            Err(VerifyError::Gap { after: label(at.checked_sub(1)), before: label(Some(at + 1)) })
        }
        _ => Ok(()),
    }
}
