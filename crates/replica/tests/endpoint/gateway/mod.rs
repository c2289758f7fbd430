//! Web sites through the library of the public gateways, as `storage serve` runs it.

mod honest;
mod pieces;
mod tampered;
mod world;
