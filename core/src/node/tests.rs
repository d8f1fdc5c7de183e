//! Nodes in a network in memory.
