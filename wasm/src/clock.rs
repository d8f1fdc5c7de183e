//! The machines' time in a browser: never goes back, and passes while the tab is frozen.
//!
//! `performance.now()` cannot be set, but in some browsers it stands still while the computer or the tab sleeps; `Date.now()` goes on, but
//! people and servers set it. So the first is followed, and where the second has gone much further, the difference was slept.

use std::cell::Cell;

use cachette_core::time::Time;
use js_sys::{Date, Function};
use wasm_bindgen::{JsCast, JsValue};

use crate::js::field;

/// Reads the time.
pub(crate) struct Clock {
    performance: JsValue,
    now: Option<Function>,
    /// What both clocks said last, and the time that was made of it.
    last: Cell<(f64, f64, f64)>,
}

impl Clock {
    /// Sets the clock by the computer's.
    pub(crate) fn start() -> Self {
        let performance = field(&js_sys::global(), "performance");
        let now = field(&performance, "now").dyn_into().ok();
        let clock = Self { performance, now, last: Cell::default() };
        let wall = Date::now();
        clock.last.set((clock.steady(), wall, wall));
        clock
    }

    /// Returns the time now.
    pub(crate) fn now(&self) -> Time {
        let (last_steady, last_wall, time) = self.last.get();
        let (steady, wall) = (self.steady(), Date::now());
        let passed = passed(steady - last_steady, wall - last_wall);
        self.last.set((steady, wall, time + passed));
        Time((time + passed) as u64)
    }

    fn steady(&self) -> f64 {
        let asked = self.now.as_ref().and_then(|now| now.call0(&self.performance).ok());
        asked.and_then(|now| now.as_f64()).unwrap_or_else(Date::now)
    }
}

/// Returns what passed between two looks, in milliseconds.
fn passed(steady: f64, wall: f64) -> f64 {
    let steady = steady.max(0.0);
    if wall - steady > SLEPT { wall } else { steady }
}

/// Milliseconds that the clocks may differ without anybody having slept: corrections of the wall clock, and what passes between reading
/// the two.
const SLEPT: f64 = 2_000.0;
