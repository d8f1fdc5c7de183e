//! IndexedDB as futures: a database, its transactions, their requests. Nothing else in the store may be awaited.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use cachette_core::map::Map;

use js_sys::{Array, ArrayBuffer, Function, Object, Reflect, Uint8Array};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, IdbDatabase, IdbKeyRange, IdbObjectStore, IdbRequest, IdbTransaction};

use super::Durability;
use super::fence::Fence;
use super::layout::{FENCE, LEADER};

/// Why a transaction or request came to nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Fault {
    /// The origin's quota or the disk is full.
    #[error("no room is left")]
    Full,
    /// The connection is gone; a new one may serve.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The browser no longer has the bytes of one value.
    #[error("a value cannot be read: {0}")]
    Unreadable(String),
    /// The store is closed, or a later release has it.
    #[error("the store is over")]
    Over,
    /// Another tab leads now.
    #[error("another tab has taken over")]
    Stale,
    /// The site's data was cleared.
    #[error("the browser cleared what this site had stored")]
    Emptied,
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) raw: IdbDatabase,
    /// The browser or we closed it.
    pub(super) gone: Rc<Cell<bool>>,
    /// What must stand in the fence for us to write.
    pub(super) fence: Rc<Cell<Option<Fence>>>,
    pub(super) scratch: Rc<Scratch>,
}

/// Buffers for large values, one for each size: the browser clones what it is given at once, so the same one serves the next value.
#[derive(Debug, Default)]
pub(super) struct Scratch(RefCell<Map<usize, Uint8Array>>);

/// A transaction that runs until nothing is asked of it any more.
pub(super) struct Transaction {
    raw: IdbTransaction,
    done: Rc<Slot<()>>,
    scratch: Rc<Scratch>,
    _on_complete: Closure<dyn FnMut(Event)>,
    _on_abort: Closure<dyn FnMut(Event)>,
}

/// The answer to a request. Dropping it loses the answer, not the request.
pub(super) struct Answer {
    request: IdbRequest,
    slot: Rc<Slot<JsValue>>,
    _on_success: Closure<dyn FnMut(Event)>,
    _on_error: Closure<dyn FnMut(Event)>,
}

/// Where an event leaves its news for the future that waits for it.
struct Slot<T> {
    news: RefCell<Option<Result<T, Fault>>>,
    waker: RefCell<Option<Waker>>,
}

struct Wait<'w, T>(&'w Slot<T>);

impl Fault {
    /// Reads a `DOMException` or whatever else was thrown.
    pub(super) fn of(error: &JsValue) -> Self {
        let field = |name: &str| Reflect::get(error, &name.into()).ok().and_then(|value| value.as_string());
        let name = field("name").unwrap_or_default();
        let words = format!("{name}: {}", field("message").unwrap_or_default());
        match name.as_str() {
            "QuotaExceededError" => Self::Full,
            // A closed connection, a lost backend or server, and what these aborted.
            "InvalidStateError" | "UnknownError" | "AbortError" => Self::Lost(words),
            "NotReadableError" | "DataError" => Self::Unreadable(words),
            _ => Self::Failed(words),
        }
    }

    pub(super) fn malformed(what: &str) -> Self {
        Self::Failed(format!("{what} cannot be read"))
    }
}

impl Database {
    /// Starts a transaction that only reads.
    pub(super) fn read(&self, stores: &[&str]) -> Result<Transaction, Fault> {
        self.transaction(stores, "readonly", Durability::Relaxed)
    }

    /// Starts a transaction that may write, once it has seen that nobody else leads.
    pub(super) async fn write(&self, stores: &[&str], durability: Durability) -> Result<Transaction, Fault> {
        let Some(fence) = self.fence.get() else { return self.write_unfenced(stores, durability) };
        let stores: Vec<&str> = stores.iter().copied().chain([FENCE]).collect();
        let transaction = self.write_unfenced(&stores, durability)?;
        let row = transaction.get(FENCE, LEADER)?.value().await;
        match row.and_then(|row| fence.judge(row.as_ref())) {
            Ok(()) => Ok(transaction),
            Err(fault) => transaction.end(Err(fault)).await,
        }
    }

    /// Starts one that may write whoever leads.
    pub(super) fn write_unfenced(&self, stores: &[&str], durability: Durability) -> Result<Transaction, Fault> {
        self.transaction(stores, "readwrite", durability)
    }

    /// The bindings cannot ask for durability yet, so the method is looked up by its name.
    fn transaction(&self, stores: &[&str], mode: &str, durability: Durability) -> Result<Transaction, Fault> {
        let options = Object::new();
        let asked = if durability == Durability::Strict { "strict" } else { "relaxed" };
        let stores: Array = stores.iter().map(|name| JsValue::from_str(name)).collect();
        let begun = Reflect::set(&options, &"durability".into(), &asked.into())
            .and_then(|_| Reflect::get(&self.raw, &"transaction".into()))
            .and_then(JsCast::dyn_into::<Function>)
            .and_then(|begin| begin.call3(&self.raw, &stores, &mode.into(), &options))
            .map_err(|error| Fault::of(&error))?;
        Ok(Transaction::new(begun.unchecked_into(), Rc::clone(&self.scratch)))
    }
}

impl Scratch {
    /// Copies bytes out of the module's memory.
    fn fill(&self, bytes: &[u8]) -> ArrayBuffer {
        if bytes.len() < LARGE {
            return Uint8Array::from(bytes).buffer();
        }
        let mut buffers = self.0.borrow_mut();
        let buffer = buffers.entry(bytes.len()).or_insert_with(|| Uint8Array::new_with_length(bytes.len() as u32));
        buffer.copy_from(bytes);
        buffer.buffer()
    }
}

impl Transaction {
    fn new(raw: IdbTransaction, scratch: Rc<Scratch>) -> Self {
        let done = Rc::new(Slot::new());
        let (complete, abort, transaction) = (Rc::clone(&done), Rc::clone(&done), raw.clone());
        let on_complete = Closure::<dyn FnMut(Event)>::new(move |_| complete.put(Ok(())));
        let on_abort = Closure::<dyn FnMut(Event)>::new(move |_| {
            let reason = transaction.error().map_or_else(|| Fault::Failed("aborted".to_owned()), |error| Fault::of(&error));
            abort.put(Err(reason));
        });
        raw.set_oncomplete(Some(on_complete.as_ref().unchecked_ref()));
        raw.set_onabort(Some(on_abort.as_ref().unchecked_ref()));
        Self { raw, done, scratch, _on_complete: on_complete, _on_abort: on_abort }
    }

    /// Asks for a value.
    pub(super) fn get(&self, store: &str, key: &[u8]) -> Result<Answer, Fault> {
        self.ask(store, |store| store.get(&Uint8Array::from(key)))
    }

    /// Asks for the first values in a range.
    pub(super) fn values(&self, store: &str, range: &IdbKeyRange, limit: u32) -> Result<Answer, Fault> {
        self.ask(store, |store| store.get_all_with_key_and_limit(range, limit))
    }

    /// Asks for the first keys in a range.
    pub(super) fn keys(&self, store: &str, range: &IdbKeyRange, limit: u32) -> Result<Answer, Fault> {
        self.ask(store, |store| store.get_all_keys_with_key_and_limit(range, limit))
    }

    /// Asks for all values of an object store.
    pub(super) fn all(&self, store: &str) -> Result<Answer, Fault> {
        self.ask(store, IdbObjectStore::get_all)
    }

    /// Writes a value. A write that fails aborts the transaction, so nobody waits for it alone.
    pub(super) fn put(&self, store: &str, key: &[u8], value: &JsValue) -> Result<(), Fault> {
        let put = self.store(store)?.put_with_key(value, &Uint8Array::from(key));
        put.map(|_| ()).map_err(|error| Fault::of(&error))
    }

    /// Writes bytes as an ArrayBuffer: a copy of their own, because the browser would clone the whole memory around them.
    pub(super) fn put_bytes(&self, store: &str, key: &[u8], bytes: &[u8]) -> Result<(), Fault> {
        self.put(store, key, &self.scratch.fill(bytes))
    }

    /// Removes what lies under a key, if anything does.
    pub(super) fn delete(&self, store: &str, key: &[u8]) -> Result<(), Fault> {
        self.store(store)?.delete(&Uint8Array::from(key)).map(|_| ()).map_err(|error| Fault::of(&error))
    }

    /// Ends a transaction after its work: waits until all of it is as durable as asked for, or undoes all of it.
    pub(super) async fn end<T>(self, worked: Result<T, Fault>) -> Result<T, Fault> {
        if worked.is_err() {
            // It may be over already, and then says itself why.
            let _ = self.raw.abort();
        }
        match (worked, Wait(&self.done).await) {
            (Ok(value), Ok(())) => Ok(value),
            // What a single request was told is less than the reason why all of them failed.
            (_, Err(reason @ (Fault::Full | Fault::Lost(_)))) => Err(reason),
            (Err(fault), _) | (Ok(_), Err(fault)) => Err(fault),
        }
    }

    fn ask(&self, store: &str, ask: impl FnOnce(&IdbObjectStore) -> Result<IdbRequest, JsValue>) -> Result<Answer, Fault> {
        ask(&self.store(store)?).map(Answer::new).map_err(|error| Fault::of(&error))
    }

    fn store(&self, name: &str) -> Result<IdbObjectStore, Fault> {
        self.raw.object_store(name).map_err(|error| match Fault::of(&error) {
            // Here it is the transaction that is over, not the connection.
            Fault::Lost(words) => Fault::Failed(words),
            fault => fault,
        })
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.raw.set_oncomplete(None);
        self.raw.set_onabort(None);
    }
}

impl Answer {
    fn new(request: IdbRequest) -> Self {
        let slot = Rc::new(Slot::new());
        let (success, error) = ((Rc::clone(&slot), request.clone()), (Rc::clone(&slot), request.clone()));
        let on_success = Closure::<dyn FnMut(Event)>::new(move |_| {
            let (slot, request) = &success;
            slot.put(request.result().map_err(|error| Fault::of(&error)));
        });
        let on_error = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            // Whoever asked decides whether the transaction can go on without this answer.
            event.prevent_default();
            event.stop_propagation();
            let (slot, request) = &error;
            let reason = request.error().ok().flatten();
            slot.put(Err(reason.map_or_else(|| Fault::Failed("a request failed".to_owned()), |error| Fault::of(&error))));
        });
        request.set_onsuccess(Some(on_success.as_ref().unchecked_ref()));
        request.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Self { request, slot, _on_success: on_success, _on_error: on_error }
    }

    /// Waits for a value; `None` when nothing lies under the key.
    pub(super) async fn value(self) -> Result<Option<JsValue>, Fault> {
        let value = Wait(&self.slot).await?;
        Ok((!value.is_undefined()).then_some(value))
    }

    /// Waits for a list.
    pub(super) async fn list(self) -> Result<Vec<JsValue>, Fault> {
        Ok(Array::from(&Wait(&self.slot).await?).to_vec())
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.request.set_onsuccess(None);
        self.request.set_onerror(None);
    }
}

impl<T> Slot<T> {
    const fn new() -> Self {
        Self { news: RefCell::new(None), waker: RefCell::new(None) }
    }

    fn put(&self, news: Result<T, Fault>) {
        *self.news.borrow_mut() = Some(news);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl<T> Future for Wait<'_, T> {
    type Output = Result<T, Fault>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(news) = self.0.news.take() {
            return Poll::Ready(news);
        }
        *self.0.waker.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

/// Returns the range of keys from one to another, both in it; `None` when they are the wrong way round.
pub(super) fn range(low: &[u8], high: &[u8], without_low: bool) -> Option<IdbKeyRange> {
    if low > high || without_low && low == high {
        return None;
    }
    IdbKeyRange::bound_with_lower_open(&Uint8Array::from(low), &Uint8Array::from(high), without_low).ok()
}

/// Values from this size on are blocks, which have one of nine sizes.
const LARGE: usize = 1 << 16;
/// No limit: IndexedDB takes 0 for that.
pub(super) const ALL: u32 = 0;
