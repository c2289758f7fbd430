//! Names of a folder's files. Files with other names are left alone.

use crate::module::ModuleHash;

pub(super) const LOCK: &str = "LOCK";
pub(super) const STATE: &str = "state.bin";
pub(super) const HEAP: &str = "heap.bin";
pub(super) const JOURNAL: &str = "journal.bin";
/// Journal before it was repaired.
pub(super) const DAMAGED_JOURNAL: &str = "journal-damaged.bin";
/// Keys that sign certificates.
pub(crate) const KEYS: &str = "keys.bin";
/// Suffix of the name of an incomplete file.
pub(super) const TEMPORARY: &str = ".new";

/// Kind of a file of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// File that each folder has.
    Always,
    Module,
    Stable,
    /// Incomplete file.
    Temporary,
    /// File kept by a repair, or keys.
    Kept,
}

/// Returns the kind of a file by its name; `None` if it is not one of ours.
pub(super) fn own(name: &str) -> Option<Own> {
    let stable = |name: &str| {
        let number = name.strip_prefix("stable-")?.strip_suffix(".bin")?;
        number.parse().ok().filter(|&number: &u64| stable_file(number) == name)
    };
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let module = |name: &str| {
        let hash = name.strip_prefix("module-").and_then(|name| name.strip_suffix(".wasm"));
        hash.is_some_and(|hash| hash.len() == 2 * size_of::<ModuleHash>() && hash.bytes().all(is_hex))
    };
    match name {
        LOCK | STATE | HEAP | JOURNAL => Some(Own::Always),
        DAMAGED_JOURNAL | KEYS => Some(Own::Kept),
        _ if name == stable_file(0) || stable(name).is_some() => Some(Own::Stable),
        _ if module(name) => Some(Own::Module),
        _ => match name.strip_suffix(TEMPORARY) {
            Some(complete) if [STATE, JOURNAL, KEYS].contains(&complete) || module(complete) => {
                Some(Own::Temporary)
            }
            _ => None,
        },
    }
}

/// Returns the file of a generation of stable memory.
pub(super) fn stable_file(generation: u64) -> String {
    match generation {
        0 => "stable.bin".into(),
        _ => format!("stable-{generation}.bin"),
    }
}

pub(super) fn module_file(hash: &ModuleHash) -> String {
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("module-{hex}.wasm")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_are_ours() {
        let module = module_file(&[0xab; 32]);
        let cases = [
            ("LOCK", Some(Own::Always)),
            ("state.bin", Some(Own::Always)),
            ("state.bin.new", Some(Own::Temporary)),
            ("journal.bin.new", Some(Own::Temporary)),
            ("journal-damaged.bin", Some(Own::Kept)),
            ("keys.bin", Some(Own::Kept)),
            ("keys.bin.new", Some(Own::Temporary)),
            ("stable.bin", Some(Own::Stable)),
            ("stable-12.bin", Some(Own::Stable)),
            (&module, Some(Own::Module)),
            (&format!("{module}.new"), Some(Own::Temporary)),
            ("notes.new", None),
            (".new", None),
            ("LOCK.new", None),
            ("stable-0.bin", None),
            ("stable-01.bin", None),
            ("stable-x.bin", None),
            ("module-1.wasm", None),
            ("module-notes.wasm", None),
            (&module.to_uppercase(), None),
        ];
        for (name, expected) in cases {
            assert_eq!(own(name), expected, "{name}");
        }
    }
}
