//! Core as a wasm module: it must link, and import nothing from anywhere.

use std::time::Duration;

use crate::Failure;
use crate::cargo::{PROFILE, WASM, cargo, target_dir};
use crate::stage::succeed;

/// Links the whole of core and all that it draws in, reachable or not, and reads what the module imports.
pub(crate) fn check(left: Duration) -> Result<(), Failure> {
    let mut build = cargo(&["rustc", "--locked", "--package", "cachette-core", "--lib", "--crate-type", "cdylib"]);
    // It is linked and never run, so it need not be fast.
    build.args(["--target", WASM, "--profile", PROFILE, "--config", &format!("profile.{PROFILE}.opt-level=0")]);
    build.args(["--", "-C", "link-dead-code", "-C", "link-arg=--no-gc-sections"]);
    succeed(build, left)?;
    let path = target_dir().join(WASM).join(PROFILE).join("cachette_core.wasm");
    let module = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    judge(&module)
}

fn judge(module: &[u8]) -> Result<(), Failure> {
    let found = Module::read(module).ok_or("the linker's output is no wasm module")?;
    if found.functions < FUNCTIONS_MIN {
        return Err(format!("only {} functions were linked, so the check saw next to nothing", found.functions));
    }
    if found.imports.is_empty() {
        println!("   {} functions, {} KiB, no imports", found.functions, module.len() >> 10);
        Ok(())
    } else {
        Err(format!("core must import nothing, but its wasm imports {}", found.imports.join(", ")))
    }
}

/// What the check wants to know of a module.
#[derive(Debug, PartialEq, Eq)]
struct Module {
    functions: u32,
    imports: Vec<String>,
}

impl Module {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = Reader(bytes.strip_prefix(b"\0asm\x01\0\0\0")?);
        let mut module = Self { functions: 0, imports: Vec::new() };
        while !rest.0.is_empty() {
            let section = rest.byte()?;
            let len = rest.number()? as usize;
            let mut body = Reader(rest.take(len)?);
            match section {
                SECTION_IMPORTS => {
                    for _ in 0..body.number()? {
                        let name = format!("{}.{}", body.name()?, body.name()?);
                        module.imports.push(name);
                        body.skip_import()?;
                    }
                }
                SECTION_FUNCTIONS => module.functions = body.number()?,
                _ => {}
            }
        }
        Some(module)
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    /// Reads an unsigned LEB128 number.
    fn number(&mut self) -> Option<u32> {
        let mut number = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return number.try_into().ok();
            }
        }
        None
    }

    fn name(&mut self) -> Option<String> {
        let len = self.number()? as usize;
        Some(String::from_utf8_lossy(self.take(len)?).into_owned())
    }

    /// Skips what an import says of its kind.
    fn skip_import(&mut self) -> Option<()> {
        match self.byte()? {
            0 => self.number().map(drop),
            1 => self.byte().and_then(|_| self.limits()),
            2 => self.limits(),
            3 => self.take(2).map(drop),
            4 => self.byte().and_then(|_| self.number()).map(drop),
            _ => None,
        }
    }

    fn limits(&mut self) -> Option<()> {
        let bounded = self.byte()? & 1 == 1;
        self.number()?;
        if bounded {
            self.number()?;
        }
        Some(())
    }
}

const SECTION_IMPORTS: u8 = 2;
const SECTION_FUNCTIONS: u8 = 3;
/// Core had four times as many when this was written.
const FUNCTIONS_MIN: u32 = 500;

#[cfg(test)]
mod tests {
    use super::*;

    fn module(imports: &[u8], functions: &[u8]) -> Vec<u8> {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        for (section, body) in [(1, &[0][..]), (SECTION_IMPORTS, imports), (SECTION_FUNCTIONS, functions)] {
            module.extend([section, body.len() as u8]);
            module.extend(body);
        }
        module
    }

    const MANY: [u8; 2] = [0xb1, 0x10];

    #[test]
    fn an_import_is_found_whatever_its_kind() {
        let imports = b"\x05\x03env\x03now\x00\x07\x03env\x01t\x01\x70\x01\x00\x80\x01\x03env\x03mem\x02\x00\x11\x01g\x01x\x03\x7f\x00\x03env\x01e\x04\x00\x01";
        let found = Module::read(&module(imports, &MANY)).expect("a module");
        assert_eq!(found.imports, ["env.now", "env.t", "env.mem", "g.x", "env.e"]);
        assert!(judge(&module(imports, &MANY)).expect_err("imports").contains("env.now"));
    }

    #[test]
    fn a_module_without_imports_passes_if_there_is_something_in_it() {
        assert_eq!(judge(&module(&[0], &MANY)), Ok(()));
        assert!(judge(&module(&[0], &[0])).expect_err("empty").contains("saw next to nothing"));
        assert!(judge(b"not a module").is_err());
        assert!(judge(&module(b"\x02\x03env", &MANY)).is_err());
    }
}
