//! Simulations of the real machines in seeded worlds; `docs/simulation.md` says how to read them.

mod blocks_reach_their_holders;
mod determinism;
mod faults_and_blocks;
mod five_rules;
mod hostile_peers;
mod links;
mod slow_uplinks;
mod soak;
mod tabs;
mod two_devices;
mod vaults_and_carriers;
mod vaults_and_files;
