//! Waiting in a browser, on a page as in a worker. A hidden tab waits longer than it asked for.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use js_sys::Promise;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use cachette_core::time::Time;

use crate::js::call_global;

/// Waits at least so long.
pub(crate) async fn sleep(milliseconds: u32) {
    let wait = Promise::new(&mut |resolve, _| {
        call_global("setTimeout", &[resolve.into(), JsValue::from(milliseconds)]);
    });
    let _ = JsFuture::from(wait).await;
}

/// Waits for something, but no longer than so long.
pub(crate) async fn within<T>(milliseconds: u32, work: impl Future<Output = T>) -> Option<T> {
    let (mut work, mut late) = (pin!(work), pin!(sleep(milliseconds)));
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => late.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// One timer that is set again and again.
pub(crate) struct Alarm {
    ring: Closure<dyn FnMut()>,
    set: Option<(Time, JsValue)>,
}

impl Alarm {
    pub(crate) fn new(ring: impl FnMut() + 'static) -> Self {
        Self { ring: Closure::new(ring), set: None }
    }

    /// Rings at this moment and at no other.
    pub(crate) fn set(&mut self, now: Time, due: Option<Time>) {
        if self.set.as_ref().map(|(at, _)| *at) == due {
            return;
        }
        self.clear();
        if let Some(due) = due {
            // Rounded up, so that no machine is woken too early.
            let wait = due.since(now).millis().saturating_add(1).min(FAR) as f64;
            let timer = call_global("setTimeout", &[self.ring.as_ref().clone(), wait.into()]);
            self.set = timer.map(|timer| (due, timer));
        }
    }

    /// Notes that it rang.
    pub(crate) fn rang(&mut self) {
        self.set = None;
    }

    fn clear(&mut self) {
        if let Some((_, timer)) = self.set.take() {
            call_global("clearTimeout", &[timer]);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Milliseconds of a day: browsers take a longer wait for none at all.
const FAR: u64 = 24 * 3600 * 1000;

/// Runs something in a turn of its own, once what already waits in the event loop has had its chance.
pub(crate) fn later(work: impl FnOnce() + 'static) {
    let work = Closure::once_into_js(work);
    call_global("setTimeout", &[work.unchecked_into(), JsValue::from(0)]);
}
