//! The command as a person uses it: a real store in a folder, and a process for each command.

#![expect(clippy::unwrap_used, reason = "what fails here is a test")]

mod access;
mod batch;
mod between;
mod certified;
mod cp;
mod delete;
mod docs;
mod harness;
mod help;
mod json;
mod kill;
mod live;
mod local;
mod log;
mod look;
mod names;
mod objects;
mod operator;
mod overlap;
mod page;
mod pty;
mod publish;
mod region;
mod repair;
mod serve;
mod session;
mod settings;
mod sites;
mod snapshot;
mod sync;
mod terminal;
mod transfers;
mod uploads;
mod waiting;
