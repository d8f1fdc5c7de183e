//! Writing a directory anew, entry by entry in order: pages as soon as they are full, so that memory stays bounded.

use super::dir::{DirNode, DirPage};
use super::entry::Entry;
use super::path::Name;
use super::writer::{TreeWriter, WriteError};
use crate::limits::DIR_PAGE_ENTRIES;
use crate::vault::reference::Reference;

/// A directory in the making.
#[derive(Default)]
pub(crate) struct DirBuilder {
    /// Entries that stand on no page yet.
    waiting: Vec<Entry>,
    /// Pages of entries, pages of those, and so on, that stand on no page yet, each with its first name.
    levels: Vec<Vec<(Name, Reference)>>,
}

impl DirBuilder {
    /// Takes the next entry, whose name comes behind the last one's.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.waiting.push(entry);
    }

    /// Says whether a page should be written before there is another entry. All packs that its entries refer to must be sealed then, or
    /// lie in the tree's.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= DIR_PAGE_ENTRIES
    }

    /// Writes the entries that wait as a page.
    ///
    /// # Errors
    /// [`WriteError`].
    pub(crate) fn write(&mut self, tree: &mut TreeWriter) -> Result<(), WriteError> {
        let Some(first) = self.waiting.first().map(|entry| entry.name.clone()) else { return Ok(()) };
        let page = tree.write(|draft| DirPage::encode(&self.waiting, draft))?;
        self.waiting.clear();
        self.add(0, (first, page), tree)
    }

    /// Ends the directory: the page at its root, none when it is empty.
    ///
    /// # Errors
    /// [`WriteError`].
    pub(crate) fn finish(mut self, tree: &mut TreeWriter) -> Result<Option<Reference>, WriteError> {
        self.write(tree)?;
        let mut level = 0;
        while level < self.levels.len() {
            if level + 1 == self.levels.len() && self.levels[level].len() <= 1 {
                break;
            }
            self.write_node(level, tree)?;
            level += 1;
        }
        Ok(self.levels.pop().and_then(|mut pages| pages.pop()).map(|(_, root)| root))
    }

    fn add(&mut self, level: usize, page: (Name, Reference), tree: &mut TreeWriter) -> Result<(), WriteError> {
        if level == self.levels.len() {
            self.levels.push(Vec::new());
        }
        if self.levels[level].len() >= DIR_PAGE_ENTRIES {
            self.write_node(level, tree)?;
        }
        self.levels[level].push(page);
        Ok(())
    }

    /// Writes the pages of a level as a page of the level above.
    fn write_node(&mut self, level: usize, tree: &mut TreeWriter) -> Result<(), WriteError> {
        let pages = std::mem::take(&mut self.levels[level]);
        let Some((first, _)) = pages.first().cloned() else { return Ok(()) };
        let node = tree.write(|draft| DirNode::encode(level as u8 + 1, &pages, draft))?;
        self.add(level + 1, (first, node), tree)
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::{Meta, Node};
    use super::*;
    use crate::vault::testing::{World, seal_key};

    #[test]
    fn a_directory_written_anew_lists_like_the_old_one() {
        for count in [0usize, 1, 127, 128, 129, 256, 128 * 128, 128 * 128 + 1, 20_000] {
            let mut tree = TreeWriter::new(seal_key());
            let mut builder = DirBuilder::default();
            let entries: Vec<Entry> = (0..count)
                .map(|number| Entry {
                    name: Name::new(format!("{number:08}")).expect("a name"),
                    node: Node::Symlink { meta: Meta::default(), target: number.to_string().into_bytes() },
                })
                .collect();
            for entry in &entries {
                builder.push(entry.clone());
                if builder.is_full() {
                    builder.write(&mut tree).expect("written");
                }
            }
            let root = builder.finish(&mut tree).expect("written");
            tree.finish().expect("sealed");
            let root = root.map(|root| tree.resolve(&root).expect("sealed"));
            assert_eq!(root.is_some(), count > 0);
            let mut world = World::default();
            world.keep(&mut tree);
            let listed = world.everything(root.as_ref(), 1000);
            assert!(
                listed.into_iter().map(|(path, node)| Entry { name: path.name().expect("a name").clone(), node }).eq(entries),
                "{count}"
            );
        }
    }
}
