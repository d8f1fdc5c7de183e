//! Real processes on real disks, given what they should not be given: what they say, how they exit, and that nothing is lost.

mod beginnings;
mod bench;
mod damage;
mod deaths;
mod full_disks;
mod links;
mod long_puts;
mod safety;
mod silence;
mod sources;
mod targets;
mod wrong_secrets;
