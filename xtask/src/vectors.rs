//! `cargo xtask vectors`: writes the test vectors anew. Whoever runs it means to change the format and reviews the diff.

use crate::Failure;
use crate::budget::Part;
use crate::cargo::{PROFILE, loud};
use crate::stage::succeed;
use crate::suite::none;

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    none(arguments)?;
    let mut tests = loud(&["test", "--locked", "--package", "cachette-core", "--lib", "--profile", PROFILE, "vectors"]);
    tests.env("CACHETTE_BLESS", "1");
    succeed(tests, Part::Build.limit())?;
    println!("written; `git diff core/docs/vectors` shows what changed");
    Ok(())
}
