// Buffers that hold bytes for a moment. Their memory is given back at once, for browsers' collectors let tens or hundreds of megabytes of
// them pile up in every thread.

/** Gives a buffer's memory back. */
export const free: (buffer: ArrayBuffer) => void = "userAgentData" in (globalThis.navigator ?? {}) ? throwAway : empty;

/** What is moved out of a buffer, into another one without room, is free. */
function empty(buffer: ArrayBuffer): void {
  (buffer as { transfer?(length: number): ArrayBuffer }).transfer?.(0);
}

/**
 * Chromium holds on to what it made itself, a message or a piece of a file, until its collector looks; what was moved out of it is not
 * even counted as a reason to look. A message that nobody gets takes it along.
 */
function throwAway(buffer: ArrayBuffer): void {
  basket ??= new MessageChannel();
  full += buffer.byteLength;
  basket.port1.postMessage(null, [buffer]);
  if (full < FULL) return;
  basket.port1.close();
  basket.port2.close();
  [basket, full] = [undefined, 0];
}

let basket: MessageChannel | undefined;
let full = 0;
/** Bytes that lie in the basket before it is emptied. */
const FULL = 2 << 20;
