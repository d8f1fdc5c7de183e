//! The connection to the database: opened, given up for a later release, opened anew when the browser drops it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Event, IdbDatabase, IdbFactory, IdbOpenDbRequest, IdbVersionChangeEvent};

use super::OpenError;
use super::fence::Fence;
use super::idb::{Database, Fault};
use super::layout;
use crate::timer::sleep;

/// A database by its name, and the connection to it while there is one.
#[derive(Debug)]
pub(super) struct Connection {
    name: String,
    now: RefCell<Option<Rc<Database>>>,
    /// An opening under way: whoever comes meanwhile waits for the same one.
    opening: RefCell<Option<Promise>>,
    /// It is over for good: we closed it, a later release wants it, or somebody deletes it.
    over: Rc<Cell<bool>>,
    fence: Rc<Cell<Option<Fence>>>,
}

impl Connection {
    pub(super) async fn open(name: &str) -> Result<Self, OpenError> {
        let (over, fence) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(None)));
        let database = open(name, &over, &fence).await?;
        Ok(Self { name: name.to_owned(), now: RefCell::new(Some(Rc::new(database))), opening: RefCell::new(None), over, fence })
    }

    /// Lets nothing be written from now on but by this leader.
    pub(super) fn fence(&self, fence: Fence) {
        self.fence.set(Some(fence));
    }

    /// Returns the open database; opens it anew if the browser closed it.
    pub(super) async fn database(&self) -> Result<Rc<Database>, Fault> {
        loop {
            if self.over.get() {
                return Err(Fault::Over);
            }
            let now = self.now.borrow().clone();
            if let Some(database) = now.filter(|database| !database.gone.get()) {
                return Ok(database);
            }
            let under_way = self.opening.borrow().clone();
            match under_way {
                Some(opening) => {
                    let _ = JsFuture::from(opening).await;
                }
                None => self.reopen().await?,
            }
        }
    }

    /// Returns the leader's row.
    pub(super) fn fence_now(&self) -> Option<Fence> {
        self.fence.get()
    }

    /// Forgets a connection that no longer serves.
    pub(super) fn drop_lost(&self, lost: &Rc<Database>) {
        lost.gone.set(true);
        lost.raw.close();
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.get()
    }

    pub(super) fn close(&self) {
        self.over.set(true);
        if let Some(database) = self.now.take() {
            database.raw.close();
        }
    }

    async fn reopen(&self) -> Result<(), Fault> {
        let mut end = None;
        *self.opening.borrow_mut() = Some(Promise::new(&mut |resolve, _| end = Some(resolve)));
        let opened = open(&self.name, &self.over, &self.fence).await;
        self.opening.take();
        if let Some(end) = end {
            let _ = end.call0(&JsValue::NULL);
        }
        let database = opened.map_err(|error| Fault::Failed(error.to_string()))?;
        if self.over.get() {
            database.raw.close();
            return Err(Fault::Over);
        }
        *self.now.borrow_mut() = Some(Rc::new(database));
        Ok(())
    }
}

/// What an opening came to; the first word counts.
type Outcome = Rc<RefCell<Option<Result<IdbDatabase, OpenError>>>>;

async fn open(name: &str, over: &Rc<Cell<bool>>, fence: &Rc<Cell<Option<Fence>>>) -> Result<Database, OpenError> {
    let factory: IdbFactory = Reflect::get(&js_sys::global(), &"indexedDB".into())
        .ok()
        .and_then(|factory| factory.dyn_into().ok())
        .ok_or_else(|| OpenError::Refused("there is no IndexedDB".to_owned()))?;
    let request = factory.open_with_u32(name, layout::FORMAT).map_err(|error| refused(&error))?;
    let raw = outcome(&request).await?;
    let gone = Rc::new(Cell::new(false));
    watch(&raw, &gone, over);
    Ok(Database { raw, gone, fence: Rc::clone(fence), scratch: Rc::default() })
}

/// Waits until the database is open, upgraded if need be, or will not be.
async fn outcome(request: &IdbOpenDbRequest) -> Result<IdbDatabase, OpenError> {
    let outcome: Outcome = Rc::default();
    let mut settle = None;
    let settled = Promise::new(&mut |resolve, _| settle = Some(resolve));
    let Some(settle) = settle else { return Err(OpenError::Refused("no promises".to_owned())) };

    let upgrade = Closure::<dyn FnMut(IdbVersionChangeEvent)>::new({
        let request = request.clone();
        move |event: IdbVersionChangeEvent| {
            let database = request.result().ok().and_then(|database| database.dyn_into::<IdbDatabase>().ok());
            let upgraded = database.is_some_and(|database| layout::upgrade(&database, event.old_version() as u32).is_ok());
            if let Some(transaction) = request.transaction().filter(|_| !upgraded) {
                // The request fails with that, and the database stays as it was.
                let _ = transaction.abort();
            }
        }
    });
    let success = Closure::<dyn FnMut(Event)>::new({
        let (request, outcome, settle) = (request.clone(), Rc::clone(&outcome), settle.clone());
        move |_| {
            let Some(database) = request.result().ok().and_then(|database| database.dyn_into::<IdbDatabase>().ok()) else { return };
            if outcome.borrow().is_some() {
                // It was given up meanwhile, and an open connection would be in the way of others.
                database.close();
                return;
            }
            put(&outcome, &settle, Ok(database));
        }
    });
    let error = Closure::<dyn FnMut(Event)>::new({
        let (request, outcome, settle) = (request.clone(), Rc::clone(&outcome), settle.clone());
        move |event: Event| {
            event.prevent_default();
            let reason = request.error().ok().flatten();
            let fault = match reason {
                Some(reason) if reason.name() == "VersionError" => OpenError::Later,
                Some(reason) => refused(&reason),
                None => OpenError::Refused("for no reason given".to_owned()),
            };
            put(&outcome, &settle, Err(fault));
        }
    });
    let blocked = Closure::<dyn FnMut(Event)>::new({
        let (outcome, settle) = (Rc::clone(&outcome), settle);
        move |_| {
            let (outcome, settle) = (Rc::clone(&outcome), settle.clone());
            wasm_bindgen_futures::spawn_local(async move {
                // A tab that is about to close ends its transactions first.
                sleep(PATIENCE).await;
                put(&outcome, &settle, Err(OpenError::Blocked));
            });
        }
    });
    request.set_onupgradeneeded(Some(upgrade.as_ref().unchecked_ref()));
    request.set_onsuccess(Some(success.as_ref().unchecked_ref()));
    request.set_onerror(Some(error.as_ref().unchecked_ref()));
    request.set_onblocked(Some(blocked.as_ref().unchecked_ref()));
    let _ = JsFuture::from(settled).await;
    let outcome = outcome.borrow().clone().unwrap_or_else(|| Err(OpenError::Refused("it did not settle".to_owned())));
    if matches!(outcome, Err(OpenError::Blocked)) {
        // The request goes on; when it succeeds after all, these upgrade and close.
        upgrade.forget();
        success.forget();
        error.forget();
        blocked.forget();
    } else {
        request.set_onupgradeneeded(None);
        request.set_onsuccess(None);
        request.set_onerror(None);
        request.set_onblocked(None);
    }
    outcome
}

fn put(outcome: &Outcome, settle: &Function, news: Result<IdbDatabase, OpenError>) {
    outcome.borrow_mut().get_or_insert(news);
    let _ = settle.call0(&JsValue::NULL);
}

/// Makes way for others who want to change or delete the database, and notes when the browser closes it by itself.
fn watch(database: &IdbDatabase, gone: &Rc<Cell<bool>>, over: &Rc<Cell<bool>>) {
    let (raw, gone_too, over) = (database.clone(), Rc::clone(gone), Rc::clone(over));
    let version_change = Closure::<dyn FnMut(Event)>::new(move |_| {
        over.set(true);
        gone_too.set(true);
        raw.close();
    });
    let gone = Rc::clone(gone);
    let close = Closure::<dyn FnMut(Event)>::new(move |_| gone.set(true));
    database.set_onversionchange(Some(version_change.as_ref().unchecked_ref()));
    database.set_onclose(Some(close.as_ref().unchecked_ref()));
    // They live as long as the connection, of which there are few.
    version_change.forget();
    close.forget();
}

fn refused(error: &JsValue) -> OpenError {
    OpenError::Refused(match Fault::of(error) {
        Fault::Lost(words) | Fault::Unreadable(words) | Fault::Failed(words) => words,
        fault => fault.to_string(),
    })
}

/// Milliseconds that another tab gets to close an older version before we say that it is in the way.
const PATIENCE: u32 = 2_000;
