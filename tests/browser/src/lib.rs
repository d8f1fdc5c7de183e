//! What the browser tests call: the store of the browser peer, and what the vectors speak of. A module of its own, so that what ships
//! carries nothing of a test.
#![cfg(target_arch = "wasm32")]

pub mod ciphers;
pub mod vectors;

use std::collections::BTreeMap;

use cachette_core::block::Block;
use cachette_core::id::{BlockId, Partition, VaultId};
use cachette_core::store::{Commit, Fetched, RecordSlot, StoreAnswer, StoreFault, StoreOp, Summary, Usage};
use cachette_scripts::{Script, block, generate};
use cachette_wasm::store::{Durability, Store};
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// A store, asked in words.
#[wasm_bindgen]
#[derive(Debug)]
pub struct TestStore(Store);

#[wasm_bindgen]
impl TestStore {
    /// Opens a store.
    pub async fn open(name: String) -> Result<Self, JsError> {
        Ok(Self(Store::open(&name).await?))
    }

    /// Runs a story on this store, which must be empty. Fails with the first answer that is wrong.
    pub async fn story(&self, text: String) -> Result<usize, JsError> {
        self.run(&Script::parse(&text)?).await
    }

    /// Runs a script drawn from a seed.
    pub async fn seed(&self, seed: u32, steps: usize) -> Result<usize, JsError> {
        self.run(&generate(seed.into(), steps)).await
    }

    /// Commits the blocks of seeds from one number on, and a record that names the first of them.
    pub async fn put(&self, vault: u8, first: u32, count: u32, log: u8) -> String {
        let blocks = (first..first + count).map(|seed| block(seed.into(), log)).collect();
        let slot = RecordSlot { vault: VaultId([vault; 32]), kind: 2, key: [first as u8; 32] };
        let commit = Commit { vault: VaultId([vault; 32]), blocks, records: vec![(slot, first.to_le_bytes().to_vec().into())] };
        word(&self.0.perform(StoreOp::Commit(commit), Durability::Strict).await)
    }

    /// Reads the block of a seed.
    pub async fn get(&self, seed: u32, log: u8) -> String {
        word(&self.0.perform(StoreOp::Get(block(seed.into(), log).id()), Durability::Strict).await)
    }

    /// Commits one block.
    pub async fn put_bytes(&self, vault: u8, bytes: Vec<u8>) -> Result<(), JsError> {
        let commit = Commit { vault: VaultId([vault; 32]), blocks: vec![Block::new(bytes.into())?], records: Vec::new() };
        match self.0.perform(StoreOp::Commit(commit), Durability::Strict).await {
            StoreAnswer::Committed => Ok(()),
            answer => Err(JsError::new(&format!("{answer:?}"))),
        }
    }

    /// Reads and verifies a block by its id; returns its length.
    pub async fn read(&self, id: Vec<u8>) -> Result<usize, JsError> {
        match self.0.perform(StoreOp::Get(BlockId(id.as_slice().try_into()?)), Durability::Strict).await {
            StoreAnswer::Block(Fetched::Found(block)) => Ok(block.bytes().len()),
            answer => Err(JsError::new(&format!("{answer:?}"))),
        }
    }

    /// Removes the block of a seed.
    pub async fn delete(&self, vault: u8, seed: u32, log: u8) -> String {
        let ids = vec![block(seed.into(), log).id()];
        word(&self.0.perform(StoreOp::Delete(VaultId([vault; 32]), ids), Durability::Strict).await)
    }

    /// Describes all that a vault holds; checks on the way that its sums are those of its blocks.
    pub async fn describe(&self, vault: u8) -> Result<String, JsError> {
        let vault = VaultId([vault; 32]);
        let ask = async |op| self.0.perform(op, Durability::Strict).await;
        let StoreAnswer::Summary(sums) = ask(StoreOp::Summary(vault, Partition::default(), Partition::LAST)).await else {
            return Err(JsError::new("no sums"));
        };
        let StoreAnswer::Usage(usage) = ask(StoreOp::Usage(Some(vault))).await else { return Err(JsError::new("no usage")) };
        let StoreAnswer::Records(records) = ask(StoreOp::Records(cachette_core::store::RecordQuery::Vault(vault))).await else {
            return Err(JsError::new("no records"));
        };
        let (mut counted, mut bytes, mut recounted) = (0, 0, BTreeMap::new());
        for partition in sums.iter().map(|(partition, _)| *partition) {
            let scan = StoreOp::Scan { vault, partition, after: None, limit: u32::MAX };
            let StoreAnswer::Ids(ids) = ask(scan).await else { return Err(JsError::new("no list")) };
            let mut sum = Summary::default();
            for id in ids {
                sum.add(&id);
                counted += 1;
                let StoreAnswer::Block(Fetched::Found(block)) = ask(StoreOp::Get(id)).await else {
                    return Err(JsError::new(&format!("{id} is listed and cannot be read")));
                };
                bytes += block.bytes().len() as u64;
            }
            recounted.insert(partition, sum);
        }
        if recounted != sums.into_iter().collect() || usage != (Usage { blocks: counted, bytes }) {
            return Err(JsError::new(&format!("the sums are not those of the blocks: {usage:?}, counted {counted} of {bytes} bytes")));
        }
        let prints: Vec<String> = recounted.values().map(|sum| data_encoding::HEXLOWER.encode(&sum.fingerprint[..4])).collect();
        Ok(format!("{counted} blocks, {bytes} bytes, {} records, {}", records.len(), prints.join(" ")))
    }

    /// Says whether the store answers nothing more.
    #[wasm_bindgen(getter)]
    pub fn over(&self) -> bool {
        self.0.is_over()
    }

    /// Closes the store.
    pub fn close(&self) {
        self.0.close();
    }

    async fn run(&self, script: &Script) -> Result<usize, JsError> {
        for (number, step) in script.steps.iter().enumerate() {
            let answer = self.0.perform(step.op.clone(), Durability::Strict).await;
            step.check(number, &answer).map_err(|difference| JsError::new(&format!("{}: {difference}", script.story)))?;
        }
        Ok(script.steps.len())
    }
}

/// Returns the id of any block.
#[wasm_bindgen]
pub fn id_of_bytes(bytes: Vec<u8>) -> Result<Vec<u8>, JsError> {
    Ok(Block::new(bytes.into())?.id().0.to_vec())
}

/// Returns the id of a seed's block, so that a test can find its bytes.
#[wasm_bindgen]
pub fn id_of(seed: u32, log: u8) -> Vec<u8> {
    let block: Block = block(seed.into(), log);
    block.id().0.to_vec()
}

fn word(answer: &StoreAnswer) -> String {
    match answer {
        StoreAnswer::Block(Fetched::Found(_)) => "found",
        StoreAnswer::Block(Fetched::Missing) => "missing",
        StoreAnswer::Block(Fetched::Damaged) => "damaged",
        StoreAnswer::Committed => "committed",
        StoreAnswer::Deleted => "deleted",
        StoreAnswer::Failed(StoreFault::Full) => "full",
        StoreAnswer::Failed(StoreFault::Failed) => "failed",
        _ => "something else",
    }
    .to_owned()
}

/// Fails as a bug of ours would.
#[wasm_bindgen]
pub fn fail() {
    panic!("a test wants it so");
}
