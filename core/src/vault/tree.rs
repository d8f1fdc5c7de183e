//! Trees: directories, files and snapshots as objects inside packs.
