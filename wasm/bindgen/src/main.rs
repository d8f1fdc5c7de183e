//! Writes the JavaScript bindings of a wasm module, and the module as it ships: `cachette-bindgen MODULE FOLDER`. A crate of its own, so that
//! nothing else waits for what it is made of.

mod arrange;
mod likeness;

use std::path::Path;

use anyhow::Context;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(module), Some(folder), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        anyhow::bail!("usage: cachette-bindgen MODULE FOLDER");
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(&module).web(true)?.omit_default_module_path(true).typescript(true).remove_producers_section(true);
    bindgen.generate(&folder).with_context(|| format!("bindings of {}", module.display()))?;
    let name = Path::new(&module).file_stem().context("the module has no name")?.to_string_lossy();
    let bound = Path::new(&folder).join(format!("{name}_bg.wasm"));
    let bytes = std::fs::read(&bound).with_context(|| bound.display().to_string())?;
    std::fs::write(&bound, arrange::arrange(&bytes)?).with_context(|| bound.display().to_string())
}
