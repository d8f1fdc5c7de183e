//! Stories as they are written: JSON in which blocks have names and vaults numbers.
//!
//! ```json
//! { "story": "…", "blocks": { "a": [seed, log] }, "steps": [[question, answer], …] }
//! ```

use std::collections::BTreeMap;

use bytes::Bytes;
use cachette_core::block::Block;
use cachette_core::id::{BlockId, Partition, VaultId};
use cachette_core::store::{Commit, Fetched, RecordQuery, RecordSlot, StoreAnswer, StoreOp, Summary, Usage};
use serde::Deserialize;
use thiserror::Error;

use crate::{Script, Step, block};

/// A story cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoryError {
    /// It is not written as a story is.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A step names a block that the story does not define.
    #[error("no block `{0}`")]
    Block(String),
    /// A partition has a number that there is not.
    #[error("no partition {0}")]
    Partition(u16),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    story: String,
    blocks: BTreeMap<String, (u64, u8)>,
    steps: Vec<(Question, Answer)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Question {
    Commit {
        vault: u8,
        #[serde(default)]
        blocks: Vec<String>,
        #[serde(default)]
        records: Vec<Record>,
    },
    Delete {
        vault: u8,
        blocks: Vec<String>,
    },
    Get(String),
    Has {
        vault: u8,
        blocks: Vec<String>,
    },
    Summary {
        vault: u8,
        from: u16,
        to: u16,
    },
    Scan {
        vault: u8,
        /// Any block of the partition.
        beside: String,
        after: Option<String>,
        limit: u32,
    },
    Records {
        vault: u8,
    },
    Named {
        kind: u8,
        key: u8,
    },
    Usage {
        vault: Option<u8>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Answer {
    Committed,
    Deleted,
    Found(String),
    Missing,
    Has(Vec<bool>),
    /// The blocks of each partition that holds any.
    Summary(Vec<Vec<String>>),
    Ids(Vec<String>),
    Records(Vec<Record>),
    Usage {
        blocks: u64,
        bytes: u64,
    },
}

/// Vault, kind, key and text.
#[derive(Deserialize)]
struct Record(u8, u8, u8, String);

struct Blocks(BTreeMap<String, Block>);

pub(crate) fn parse(text: &str) -> Result<Script, StoryError> {
    let story: Story = serde_json::from_str(text)?;
    let blocks = Blocks(story.blocks.into_iter().map(|(name, (seed, log))| (name, block(seed, log))).collect());
    let steps = story.steps.into_iter().map(|(question, answer)| Ok(Step { op: op(question, &blocks)?, answer: told(answer, &blocks)? }));
    Ok(Script { story: story.story, steps: steps.collect::<Result<_, StoryError>>()? })
}

fn op(question: Question, blocks: &Blocks) -> Result<StoreOp, StoryError> {
    Ok(match question {
        Question::Commit { vault, blocks: names, records } => {
            let blocks = names.iter().map(|name| blocks.block(name)).collect::<Result<_, _>>()?;
            StoreOp::Commit(Commit { vault: vault_id(vault), blocks, records: records.into_iter().map(Record::read).collect() })
        }
        Question::Delete { vault, blocks: names } => StoreOp::Delete(vault_id(vault), blocks.ids(&names)?),
        Question::Get(name) => StoreOp::Get(blocks.id(&name)?),
        Question::Has { vault, blocks: names } => StoreOp::Has(vault_id(vault), blocks.ids(&names)?),
        Question::Summary { vault, from, to } => StoreOp::Summary(vault_id(vault), partition(from)?, partition(to)?),
        Question::Scan { vault, beside, after, limit } => {
            let partition = Partition::of(&blocks.id(&beside)?);
            StoreOp::Scan { vault: vault_id(vault), partition, after: after.map(|name| blocks.id(&name)).transpose()?, limit }
        }
        Question::Records { vault } => StoreOp::Records(RecordQuery::Vault(vault_id(vault))),
        Question::Named { kind, key } => StoreOp::Records(RecordQuery::Named { kind, key: [key; 32] }),
        Question::Usage { vault } => StoreOp::Usage(vault.map(vault_id)),
    })
}

fn told(answer: Answer, blocks: &Blocks) -> Result<StoreAnswer, StoryError> {
    Ok(match answer {
        Answer::Committed => StoreAnswer::Committed,
        Answer::Deleted => StoreAnswer::Deleted,
        Answer::Found(name) => StoreAnswer::Block(Fetched::Found(blocks.block(&name)?)),
        Answer::Missing => StoreAnswer::Block(Fetched::Missing),
        Answer::Has(flags) => StoreAnswer::Has(flags),
        Answer::Summary(groups) => {
            let mut partitions: BTreeMap<Partition, Summary> = BTreeMap::new();
            for id in blocks.ids(&groups.concat())? {
                partitions.entry(Partition::of(&id)).or_default().add(&id);
            }
            StoreAnswer::Summary(partitions.into_iter().collect())
        }
        Answer::Ids(names) => StoreAnswer::Ids(blocks.ids(&names)?),
        Answer::Records(records) => StoreAnswer::Records(records.into_iter().map(Record::read).collect()),
        Answer::Usage { blocks, bytes } => StoreAnswer::Usage(Usage { blocks, bytes }),
    })
}

impl Blocks {
    fn block(&self, name: &str) -> Result<Block, StoryError> {
        self.0.get(name).cloned().ok_or_else(|| StoryError::Block(name.to_owned()))
    }

    fn id(&self, name: &str) -> Result<BlockId, StoryError> {
        self.block(name).map(|block| block.id())
    }

    fn ids(&self, names: &[String]) -> Result<Vec<BlockId>, StoryError> {
        names.iter().map(|name| self.id(name)).collect()
    }
}

impl Record {
    fn read(self) -> (RecordSlot, Bytes) {
        let Self(vault, kind, key, text) = self;
        (RecordSlot { vault: vault_id(vault), kind, key: [key; 32] }, Bytes::from(text))
    }
}

/// Vault 0 is the node itself.
const fn vault_id(number: u8) -> VaultId {
    VaultId([number; 32])
}

fn partition(number: u16) -> Result<Partition, StoryError> {
    Partition::new(number).ok_or(StoryError::Partition(number))
}
