//! The project's text files in memory, as the structure checks read them.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

mod mask;

/// Text files by path, with `/` between folders.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, Source>,
}

/// A file's text, and the same text with what is not code blanked out, byte for byte.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) text: String,
    /// Without comments, strings and characters.
    code: String,
    /// Also without what is compiled for tests only.
    shipped: String,
}

impl Tree {
    /// Reads every text file of a checkout.
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        walk(root, "", &mut files)?;
        Ok(Self::of(files))
    }

    /// Makes a tree of paths and texts.
    pub(crate) fn of<P: Into<String>, T: Into<String>>(files: impl IntoIterator<Item = (P, T)>) -> Self {
        let files = files.into_iter().map(|(path, text)| (path.into(), Source::new(text.into()))).collect();
        let mut tree = Self { files };
        let tests: Vec<String> = tree.files.keys().filter(|path| tree.is_test(path)).cloned().collect();
        for path in tests {
            if let Some(source) = tree.files.get_mut(&path) {
                source.shipped = mask::blank(&source.code);
            }
        }
        tree
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(|source| source.text.as_str())
    }

    /// Returns all files in the order of their paths.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.files.iter().map(|(path, source)| (path.as_str(), source))
    }

    /// Returns the Rust files below a folder.
    pub(crate) fn rust<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a Source)> {
        self.files().filter(move |(path, _)| path.starts_with(folder) && path.ends_with(".rs"))
    }

    /// Returns the file whose `mod` line brings this one in; `None` for the roots of crates.
    pub(crate) fn parent(&self, path: &str) -> Option<String> {
        let (folder, name) = path.rsplit_once('/')?;
        if ROOTS.contains(&name) {
            return None;
        }
        if self.files.contains_key(&format!("{folder}.rs")) {
            return Some(format!("{folder}.rs"));
        }
        ROOTS.iter().map(|name| format!("{folder}/{name}")).find(|root| self.files.contains_key(root))
    }

    fn is_test(&self, path: &str) -> bool {
        let mut path = path.to_owned();
        loop {
            if path.split('/').rev().skip(1).any(|folder| matches!(folder, "tests" | "benches" | "examples")) {
                return true;
            }
            let Some(parent) = self.parent(&path) else { return false };
            let module = path.rsplit('/').next().and_then(|name| name.strip_suffix(".rs")).unwrap_or_default();
            if mask::is_test_module(&self.files[&parent].code, module) {
                return true;
            }
            path = parent;
        }
    }
}

impl Source {
    fn new(text: String) -> Self {
        let code = mask::code(&text);
        let shipped = mask::without_tests(&code);
        Self { text, code, shipped }
    }

    /// Returns the lines of code with their numbers, without comments and without what strings hold.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(&self.code)
    }

    /// Returns the lines of code that are not for tests only.
    pub(crate) fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(&self.shipped)
    }

    /// Returns the lines as they stand, with their numbers.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(&self.text)
    }

    /// Returns the lines that are not for tests only, each as code and as it stands.
    pub(crate) fn shipped_beside_text(&self) -> impl Iterator<Item = (usize, &str, &str)> {
        self.shipped().zip(self.text.lines()).map(|((line, shipped), text)| (line, shipped, text))
    }
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<(String, String)>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if !matches!(name, "target" | ".git" | "node_modules" | "dist" | "proptest-regressions") {
                walk(&entry.path(), &path, files)?;
            }
        } else if kind.is_file() && name != ".git" {
            // What is not text is none of the structure's business.
            if let Ok(text) = String::from_utf8(std::fs::read(entry.path())?) {
                files.push((path, text));
            }
        }
    }
    Ok(())
}

/// What the roots of crates are called.
const ROOTS: [&str; 3] = ["lib.rs", "main.rs", "runner.rs"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_found_and_roots_have_none() {
        let tree = Tree::of([
            ("a/src/lib.rs", "mod b;"),
            ("a/src/main.rs", ""),
            ("a/src/b.rs", "#[cfg(test)]\nmod c;"),
            ("a/src/b/c.rs", "fn f() {}"),
        ]);
        assert_eq!(tree.parent("a/src/b/c.rs").as_deref(), Some("a/src/b.rs"));
        assert_eq!(tree.parent("a/src/b.rs").as_deref(), Some("a/src/lib.rs"));
        assert_eq!((tree.parent("a/src/lib.rs"), tree.parent("a/src/main.rs")), (None, None));
        let shipped = |path: &str| {
            tree.files().filter(|(found, _)| *found == path).flat_map(|(_, source)| source.shipped()).any(|(_, line)| line.contains("fn f"))
        };
        assert!(!shipped("a/src/b/c.rs"), "for tests only");
    }
}
