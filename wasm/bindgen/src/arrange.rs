//! Arranges the functions of a module so that gzip packs them better: of functions that are the same one is kept, and those that are alike
//! stand side by side, within the 32 KiB that gzip looks back.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::convert::Infallible;

use anyhow::Context;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, Encode, FunctionSection, Module};
use wasmparser::{
    CodeSectionReader, CustomSectionReader, FunctionBody, FunctionSectionReader, KnownCustom, Name, Parser, Payload, TypeRef,
};

use crate::likeness;

/// Returns the module with its functions arranged, and without their names.
pub(crate) fn arrange(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut arranged = Arrangement::read(module)?;
    arranged.merge()?;
    arranged.sort()?;
    let mut written = Module::new();
    arranged.parse_core_module(&mut written, Parser::new(0), module).context("a section cannot be written again")?;
    Ok(written.finish())
}

/// The functions of a module, in the order in which they will stand.
struct Arrangement<'a> {
    /// How many functions are imported; their numbers come first and stay.
    imported: usize,
    functions: Vec<Function<'a>>,
    /// What to write for each number that is in the module.
    numbers: Vec<u32>,
}

#[derive(Clone)]
struct Function<'a> {
    /// Its number in the module.
    number: u32,
    kind: u32,
    name: &'a str,
    body: FunctionBody<'a>,
}

impl<'a> Arrangement<'a> {
    fn read(module: &'a [u8]) -> anyhow::Result<Self> {
        let (mut imported, mut kinds, mut bodies, mut names) = (0, Vec::new(), Vec::new(), HashMap::new());
        for section in Parser::new(0).parse_all(module) {
            match section? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        imported += usize::from(matches!(import?.ty, TypeRef::Func(_)));
                    }
                }
                Payload::FunctionSection(section) => kinds = section.into_iter().collect::<Result<_, _>>()?,
                Payload::CodeSectionEntry(body) => bodies.push(body),
                Payload::CustomSection(section) => {
                    if let KnownCustom::Name(section) = section.as_known() {
                        names.extend(function_names(section)?);
                    }
                }
                _ => {}
            }
        }
        let numbers: Vec<u32> = (0..u32::try_from(imported + bodies.len())?).collect();
        let functions = numbers[imported..].iter().zip(kinds).zip(bodies).map(|((&number, kind), body)| {
            let name = names.get(&number).copied().unwrap_or_default();
            Function { number, kind, name, body }
        });
        Ok(Self { imported, functions: functions.collect(), numbers })
    }

    /// Keeps one of those that are the same, until none are: callers of two that became one may be the same now.
    fn merge(&mut self) -> anyhow::Result<()> {
        loop {
            let mut first: HashMap<(u32, Vec<u8>), u32> = HashMap::new();
            let mut instead: HashMap<u32, u32> = HashMap::new();
            for function in self.functions.clone() {
                let same = *first.entry((function.kind, self.code(function.body)?)).or_insert(function.number);
                if same != function.number {
                    instead.insert(function.number, same);
                }
            }
            if instead.is_empty() {
                return Ok(());
            }
            self.functions.retain(|function| !instead.contains_key(&function.number));
            for number in &mut self.numbers {
                *number = instead.get(number).copied().unwrap_or(*number);
            }
        }
    }

    fn sort(&mut self) -> anyhow::Result<()> {
        self.functions.sort_by(Function::beside);
        let bodies = self.functions.clone().into_iter().map(|function| self.code(function.body)).collect::<Result<Vec<_>, _>>()?;
        self.functions = likeness::order(&bodies).into_iter().map(|place| self.functions[place].clone()).collect();
        let places: HashMap<u32, u32> = self.functions.iter().map(|function| function.number).zip(self.imported as u32..).collect();
        for number in &mut self.numbers[self.imported..] {
            *number = places[number];
        }
        Ok(())
    }

    /// Returns a body with the numbers of those that are called instead.
    fn code(&mut self, body: FunctionBody<'_>) -> anyhow::Result<Vec<u8>> {
        let (mut code, mut bytes) = (CodeSection::new(), Vec::new());
        self.parse_function_body(&mut code, body).context("a function cannot be written again")?;
        code.encode(&mut bytes);
        // In front of it stand the section's length and how many it has.
        Ok(bytes.split_off(bytes.len() - code.byte_len()))
    }
}

impl Function<'_> {
    /// Compares by name, which says most about functions of which no body says anything.
    fn beside(&self, other: &Self) -> Ordering {
        let key = |function: &Self| (function.body.range().len(), function.number);
        without_hash(self.name).cmp(without_hash(other.name)).then_with(|| key(self).cmp(&key(other)))
    }
}

impl Reencode for Arrangement<'_> {
    type Error = Infallible;

    fn function_index(&mut self, number: u32) -> Result<u32, Error<Infallible>> {
        Ok(self.numbers[number as usize])
    }

    fn parse_function_section(&mut self, written: &mut FunctionSection, _: FunctionSectionReader<'_>) -> Result<(), Error<Infallible>> {
        for function in &self.functions {
            written.function(function.kind);
        }
        Ok(())
    }

    fn parse_code_section(&mut self, written: &mut CodeSection, _: CodeSectionReader<'_>) -> Result<(), Error<Infallible>> {
        self.functions.clone().into_iter().try_for_each(|function| self.parse_function_body(written, function.body))
    }

    fn parse_custom_section(&mut self, written: &mut Module, section: CustomSectionReader<'_>) -> Result<(), Error<Infallible>> {
        match section.as_known() {
            KnownCustom::Name(_) => Ok(()),
            _ => utils::parse_custom_section(self, written, section),
        }
    }
}

fn function_names<'a>(section: wasmparser::NameSectionReader<'a>) -> anyhow::Result<HashMap<u32, &'a str>> {
    let mut names = HashMap::new();
    for part in section {
        if let Name::Function(functions) = part? {
            for function in functions {
                let function = function?;
                names.insert(function.index, function.name);
            }
        }
    }
    Ok(names)
}

/// Returns a name without the hash that the compiler puts at its end, `::h0123456789abcdef`: it differs where only types do.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((rest, hash)) if hash.len() == HASH && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => rest,
        _ => name,
    }
}

/// Digits of a name's hash.
const HASH: usize = 16;

#[cfg(test)]
mod tests {
    use wasm_encoder::{EntityType, ExportKind, ExportSection, ImportSection, NameMap, NameSection, TypeSection, ValType};
    use wasmparser::Operator;

    use super::*;

    const HASHED: &str = "tab::open::h0123456789abcdef";

    /// Makes a module that imports one function and has these, which return a constant each; the last one calls all others before.
    fn module(functions: &[(&str, i32)]) -> Vec<u8> {
        let (mut types, mut imports, mut kinds) = (TypeSection::new(), ImportSection::new(), FunctionSection::new());
        let (mut exports, mut code, mut names) = (ExportSection::new(), CodeSection::new(), NameMap::new());
        types.ty().function([], [ValType::I32]);
        imports.import("env", "now", EntityType::Function(0));
        for (number, (name, constant)) in (1..).zip(functions) {
            kinds.function(0);
            names.append(number, name);
            exports.export(name, ExportKind::Func, number);
            let mut body = wasm_encoder::Function::new([]);
            if number as usize == functions.len() {
                for callee in 0..number {
                    body.instructions().call(callee).drop();
                }
            }
            body.instructions().i32_const(*constant).end();
            code.function(&body);
        }
        let mut section = NameSection::new();
        section.functions(&names);
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&kinds).section(&exports).section(&code).section(&section);
        module.finish()
    }

    /// Returns the numbers of what a module exports, and whom its functions call, in order.
    fn shape(module: &[u8]) -> (HashMap<&str, u32>, Vec<Vec<u32>>) {
        let (mut exports, mut calls) = (HashMap::new(), Vec::new());
        for section in Parser::new(0).parse_all(module) {
            match section.expect("a section") {
                Payload::ExportSection(section) => {
                    exports.extend(section.into_iter().map(|export| export.expect("an export")).map(|export| (export.name, export.index)));
                }
                Payload::CodeSectionEntry(body) => {
                    let operators = body.get_operators_reader().expect("a body").into_iter().map(|operator| operator.expect("an operator"));
                    calls.push(
                        operators
                            .filter_map(
                                |operator| if let Operator::Call { function_index } = operator { Some(function_index) } else { None },
                            )
                            .collect(),
                    );
                }
                Payload::CustomSection(section) => panic!("{} is left", section.name()),
                _ => {}
            }
        }
        (exports, calls)
    }

    #[test]
    fn functions_are_sorted_by_name_and_calls_follow_them() {
        let arranged = arrange(&module(&[("vault", 1), ("link", 2), (HASHED, 3), ("main", 4)])).expect("arranged");
        let (exports, calls) = shape(&arranged);
        assert_eq!(exports, HashMap::from([("link", 1), ("main", 2), (HASHED, 3), ("vault", 4)]));
        assert_eq!(calls, [vec![], vec![0, 4, 1, 3], vec![], vec![]]);
    }

    #[test]
    fn functions_that_are_the_same_become_one() {
        let arranged = arrange(&module(&[("vault", 1), ("link", 2), ("node", 1), ("main", 4)])).expect("arranged");
        let (exports, calls) = shape(&arranged);
        assert_eq!(exports, HashMap::from([("link", 1), ("main", 2), ("vault", 3), ("node", 3)]));
        assert_eq!(calls, [vec![], vec![0, 3, 1, 3], vec![]]);
    }

    #[test]
    fn a_hash_is_no_part_of_a_name() {
        assert_eq!(without_hash(HASHED), "tab::open");
        assert_eq!(without_hash("tab::hello"), "tab::hello");
    }
}
