//! Scripts drawn from a seed: a small world of vaults, blocks and slots, so that operations meet one another often.

use bytes::Bytes;
use cachette_core::block::Block;
use cachette_core::id::{BlockId, Partition, VaultId};
use cachette_core::store::{Commit, RecordQuery, RecordSlot, StoreOp};

use crate::model::Model;
use crate::{Script, Step, block};

/// Draws a script of so many operations.
#[must_use]
pub fn generate(seed: u64, steps: usize) -> Script {
    let mut draw = Draw(blake3::Hasher::new().update(b"store script").update(&seed.to_le_bytes()).finalize_xof());
    let blocks: Vec<Block> = (0..WORLD).map(|number| block(number, 12 + u8::from(number % 8 == 0))).collect();
    let mut model = Model::default();
    let steps = (0..steps).map(|_| {
        let op = draw.op(&blocks);
        let answer = model.perform(op.clone());
        Step { op, answer }
    });
    Script { story: format!("seed {seed}"), steps: steps.collect() }
}

struct Draw(blake3::OutputReader);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_le_bytes(bytes) as usize % bound
    }

    fn op(&mut self, blocks: &[Block]) -> StoreOp {
        let vault = self.vault();
        match self.below(20) {
            0..7 => {
                let blocks = self.some(blocks);
                let records = (0..self.below(3)).map(|_| self.record(vault)).collect();
                StoreOp::Commit(Commit { vault, blocks, records })
            }
            7..9 => StoreOp::Delete(vault, self.ids(blocks)),
            9..12 => StoreOp::Get(self.id(blocks)),
            12..14 => StoreOp::Has(vault, self.ids(blocks)),
            14 => {
                let (from, to) = (self.partition(blocks), self.partition(blocks));
                StoreOp::Summary(vault, from, to)
            }
            15 => StoreOp::Summary(vault, Partition::default(), Partition::LAST),
            16 => {
                let (partition, limit) = (self.partition(blocks), self.below(4) as u32);
                let after = (self.below(2) == 0).then(|| self.id(blocks));
                StoreOp::Scan { vault, partition, after, limit }
            }
            17 => StoreOp::Records(RecordQuery::Vault(vault)),
            18 => {
                let slot = self.slot(vault);
                StoreOp::Records(RecordQuery::Named { kind: slot.kind, key: slot.key })
            }
            _ => StoreOp::Usage((self.below(3) > 0).then_some(vault)),
        }
    }

    fn vault(&mut self) -> VaultId {
        VaultId([self.below(3) as u8; 32])
    }

    fn id(&mut self, blocks: &[Block]) -> BlockId {
        blocks[self.below(blocks.len())].id()
    }

    fn partition(&mut self, blocks: &[Block]) -> Partition {
        Partition::of(&self.id(blocks))
    }

    /// Draws blocks, now and then the same one twice.
    fn some(&mut self, blocks: &[Block]) -> Vec<Block> {
        (0..self.below(8)).map(|_| blocks[self.below(blocks.len())].clone()).collect()
    }

    fn ids(&mut self, blocks: &[Block]) -> Vec<BlockId> {
        self.some(blocks).iter().map(Block::id).collect()
    }

    fn slot(&mut self, vault: VaultId) -> RecordSlot {
        RecordSlot { vault, kind: self.below(3) as u8, key: [self.below(3) as u8; 32] }
    }

    fn record(&mut self, vault: VaultId) -> (RecordSlot, Bytes) {
        let slot = self.slot(vault);
        let mut bytes = vec![0; self.below(200)];
        self.0.fill(&mut bytes);
        (slot, bytes.into())
    }
}

/// Blocks that there are: few enough to meet again, many enough for some to share a partition with none.
const WORLD: u64 = 48;
