//! Replica of the suite.
//!
//! `STORAGE_REPLICA=embedded` or `STORAGE_REPLICA=pocket-ic` selects it. The default is PocketIC if `POCKET_IC_BIN` names a
//! server, else the embedded host. If PocketIC is selected but missing, the tests fail: a suite that silently ran elsewhere,
//! or not at all, would look like a pass.

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Major versions of the `pocket-ic` crate and of the servers that it works with, and the reason. The crate panics on a
/// server with another protocol, so other versions are rejected with an error.
const ACCEPTED: [(&str, &str, &str); 2] = [
    ("16", "16", "released together"),
    ("10", "10", "released together; the newest server that can be built from public source alone"),
];

/// Returns the major version of the `pocket-ic` crate in the lock file.
fn crate_major() -> &'static str {
    let lock = include_str!("../../Cargo.lock");
    let version = lock.split_once("name = \"pocket-ic\"\nversion = \"").expect("the crate is locked").1;
    version.split('.').next().expect("a text has a first part")
}

/// Returns the accepted major versions of servers, for an error.
fn accepted_servers(crate_major: &str) -> String {
    let servers = ACCEPTED.iter().filter(|(of_crate, _, _)| *of_crate == crate_major);
    let servers: Vec<_> = servers.map(|(_, server, why)| format!("{server} ({why})")).collect();
    servers.join(" or ")
}

fn is_accepted(crate_major: &str, server_version: &str) -> bool {
    let server_major = server_version.split('.').next();
    ACCEPTED.iter().any(|(of_crate, server, _)| *of_crate == crate_major && Some(*server) == server_major)
}

/// Replica that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The host in this process.
    Embedded,
    /// A PocketIC server, started from this binary.
    PocketIc(PathBuf),
}

/// Returns the replica of this test process. The first call prints it on standard error.
///
/// # Panics
///
/// With instructions, if the selected replica cannot be used.
pub fn choice() -> &'static Choice {
    static CHOICE: OnceLock<Choice> = OnceLock::new();
    CHOICE.get_or_init(|| {
        let chosen = choose(env::var_os("STORAGE_REPLICA"), env::var_os("POCKET_IC_BIN"))
            .and_then(probe)
            .unwrap_or_else(|problem| panic!("{problem}"));
        announce(&chosen);
        chosen
    })
}

/// Selects the replica from the two environment variables.
pub fn choose(replica: Option<OsString>, pocket_ic_bin: Option<OsString>) -> Result<Choice, String> {
    let server = pocket_ic_bin.filter(|path| !path.is_empty()).map(PathBuf::from);
    let replica = replica.unwrap_or_default();
    match (replica.to_str(), server) {
        (Some("embedded"), _) | (Some(""), None) => Ok(Choice::Embedded),
        (Some("pocket-ic" | ""), Some(server)) => Ok(Choice::PocketIc(server)),
        (Some("pocket-ic"), None) => Err(format!(
            "STORAGE_REPLICA=pocket-ic asks for PocketIC, and POCKET_IC_BIN does not name its server; to fix that, \
             run: export POCKET_IC_BIN=/path/to/pocket-ic (version {}, from the releases of \
             dfinity/pocketic), or run on the embedded host: export STORAGE_REPLICA=embedded",
            accepted_servers(crate_major())
        )),
        _ => Err(format!(
            "STORAGE_REPLICA is {replica:?}; it can be embedded or pocket-ic, or unset (then it is pocket-ic where \
             POCKET_IC_BIN is set, else embedded)"
        )),
    }
}

/// Asks the server for its version, so that a mismatch is an error and not a panic of the `pocket-ic` crate.
fn probe(choice: Choice) -> Result<Choice, String> {
    if let Choice::PocketIc(server) = &choice {
        let version = server_version(server)?;
        if !is_accepted(crate_major(), &version) {
            return Err(format!(
                "the PocketIC server {} has version {version}, and with the pocket-ic crate {} this suite needs {}; to \
                 fix that, set POCKET_IC_BIN to a server of that version",
                server.display(),
                crate_major(),
                accepted_servers(crate_major())
            ));
        }
    }
    Ok(choice)
}

fn server_version(server: &Path) -> Result<String, String> {
    let fix = "to fix that, set POCKET_IC_BIN to a pocket-ic server binary, ungzipped and executable";
    let output = Command::new(server)
        .arg("--version")
        .output()
        .map_err(|error| format!("the PocketIC server {} cannot be run: {error}; {fix}", server.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let first_line = text.lines().next().unwrap_or_default();
    match first_line.strip_prefix("pocket-ic-server ") {
        Some(version) if output.status.success() => Ok(version.to_owned()),
        _ => Err(format!(
            "{} --version ended with {} and said {:?}, so it is not a PocketIC server; {fix}",
            server.display(),
            output.status,
            first_line
        )),
    }
}

fn announce(choice: &Choice) {
    let name = match choice {
        Choice::Embedded => "the embedded host".to_owned(),
        Choice::PocketIc(server) => format!("PocketIC ({})", server.display()),
    };
    // Written to the stream itself, because the test runner hides the output of macros in passing tests. An error of a closed
    // standard error is ignored.
    let _ = writeln!(io::stderr(), "integration tests: this runs on {name}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose_of(replica: Option<&str>, server: Option<&str>) -> Result<Choice, String> {
        choose(replica.map(Into::into), server.map(Into::into))
    }

    /// By default the embedded host is selected, and a named server is used.
    #[test]
    fn the_environment_decides() {
        let server = Choice::PocketIc("/bin/server".into());
        assert_eq!(choose_of(None, None), Ok(Choice::Embedded));
        assert_eq!(choose_of(None, Some("")), Ok(Choice::Embedded));
        assert_eq!(choose_of(None, Some("/bin/server")), Ok(server.clone()));
        assert_eq!(choose_of(Some("embedded"), Some("/bin/server")), Ok(Choice::Embedded));
        assert_eq!(choose_of(Some("pocket-ic"), Some("/bin/server")), Ok(server));
    }

    /// A missing PocketIC is a failure with instructions.
    #[test]
    fn a_missing_server_is_a_failure() {
        let problem = choose_of(Some("pocket-ic"), None).unwrap_err();
        assert!(problem.contains("export POCKET_IC_BIN="), "{problem}");
        let problem = probe(Choice::PocketIc("/nonexistent/pocket-ic".into())).unwrap_err();
        assert!(problem.contains("cannot be run") && problem.contains("POCKET_IC_BIN"), "{problem}");
    }

    /// A program that is not a PocketIC server is rejected before it is used.
    #[test]
    fn another_program_is_not_a_server() {
        let problem = probe(Choice::PocketIc("/bin/true".into())).unwrap_err();
        assert!(problem.contains("is not a PocketIC server"), "{problem}");
    }

    /// A server is accepted only with the crate version in the table.
    #[test]
    fn servers_are_accepted_by_the_table() {
        assert!(is_accepted("16", "16.0.0") && is_accepted("10", "10.0.0"));
        assert!(!is_accepted("16", "10.0.0") && !is_accepted("10", "16.0.0") && !is_accepted("9", "9.0.0"));
        assert!(
            is_accepted(crate_major(), &format!("{}.0.0", crate_major())),
            "the locked crate has no server"
        );
        assert!(accepted_servers(crate_major()).contains(crate_major()));
    }

    /// An unknown replica is not replaced by the default.
    #[test]
    fn an_unknown_replica_is_a_failure() {
        let problem = choose_of(Some("poket-ic"), None).unwrap_err();
        assert!(problem.contains("it can be embedded or pocket-ic"), "{problem}");
    }
}
