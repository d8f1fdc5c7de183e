//! Cachette's native peer as a library: disk, sockets, HTTP and the command line around the machines of `cachette_core`.

pub mod api;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod data_dir;
pub mod descriptors;
pub mod disk;
pub mod driver;
pub mod logging;
pub mod memory;
pub mod metrics;
pub mod notes;
mod printable;
pub mod serve;
pub mod socket;
