//! Nodes in a network in memory: real machines, messages that wait in links, stores that answer in any order, a clock that jumps.

mod audits;
mod confirming;
mod links;
mod network;
mod pulling;
mod putting;
mod reading;
mod records;
mod tabs;
mod trailing;
mod tunnels;
mod waiting;
