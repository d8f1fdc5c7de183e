//! The same stories for as many seeds as there is time: `cargo xtask soak --for 1h simulation`.

use cachette_tests::sim::faults::Kinds;
use cachette_tests::sim::seeds::soak;

use super::two_devices::at_the_same_time;
use super::vaults_and_files::{ALL, taking_turns};

#[test]
#[ignore = "soak: simulated vaults for as long as it is given"]
fn soak_devices_that_take_turns_while_everything_fails() {
    soak(|world| taking_turns(world, ALL, Kinds { disks: false, ..ALL }));
}

#[test]
#[ignore = "soak: simulated vaults for as long as it is given"]
fn soak_devices_that_work_at_the_same_time_while_everything_fails() {
    soak(|world| at_the_same_time(world, ALL, Kinds { disks: false, ..ALL }));
}
