//! Cachette's native peer as a library: disk, sockets, HTTP and the command line around the machines of `cachette_core`.

pub mod data_dir;
pub mod disk;
pub mod notes;
