// Sizes, times and counts as people read them.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const whole = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });
const exactly = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

/** `1.4 MiB`. */
export function size(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)}\u00a0${UNITS[unit]}`;
}

/** `1,204`. */
export function count(number: number): string {
  return whole.format(number);
}

/** `1 file`, `1,204 files`. */
export function counted(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** `just now`, `4 minutes ago`, `3 hours ago`, `21 Nov 2026`. */
export function when(time: number, now = Date.now()): string {
  const passed = now - time;
  if (passed >= 0 && passed < MINUTE) return "just now";
  if (passed >= 0 && passed < HOUR) return `${counted(Math.floor(passed / MINUTE), "minute")} ago`;
  if (passed >= 0 && passed < DAY) return `${counted(Math.floor(passed / HOUR), "hour")} ago`;
  return day.format(time);
}

/** `4 minutes`, `3 hours`, `2 days`. */
export function lasting(milliseconds: number): string {
  if (milliseconds < MINUTE) return counted(Math.max(0, Math.floor(milliseconds / 1000)), "second");
  if (milliseconds < HOUR) return counted(Math.floor(milliseconds / MINUTE), "minute");
  if (milliseconds < DAY) return counted(Math.floor(milliseconds / HOUR), "hour");
  return counted(Math.floor(milliseconds / DAY), "day");
}

/** The full date and time, for whoever points at it. */
export function exact(time: number): string {
  return exactly.format(time);
}

/** `18:40`. */
export function timeOfDay(time: number): string {
  return clock.format(time);
}

/** Sorts names as people do: `2.jpg` before `10.jpg`. */
export const byName = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
