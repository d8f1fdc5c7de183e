// A put in the service: bytes of a blob or a stream, as far as the vault invites them, then the commit that makes them safe.

import type { Putting } from "./bindings.js";
import { free } from "./buffers.js";
import { CachetteError } from "./errors.js";
import { PIECE, type PutInput, WINDOW } from "./protocol.js";
import type { Work } from "./service.js";
import type { FileInfo, Progress } from "./types.js";
import { safety, type Vault } from "./vault.js";

/** Puts a file and resolves when it is safe, or when it is kept here and there are no nodes. */
export async function put(vault: Vault, input: PutInput, work: Work): Promise<FileInfo> {
  try {
    return await attempt(vault, input, work);
  } catch (error) {
    // A part that was counted on is gone everywhere: put again, it is sent anew. A stream cannot be read twice.
    if (input.blob && (error as { code?: unknown }).code === "lost") return attempt(vault, input, work);
    throw error;
  }
}

async function attempt(vault: Vault, { path, modified, blob }: PutInput, work: Work): Promise<FileInfo> {
  const report = new Report(vault, work, blob?.size);
  vault.placed.add(report.sending);
  try {
    const stage = async () => {
      const putting = vault.tab.put(path, { modified });
      const stop = () => putting.cancel();
      work.signal.addEventListener("abort", stop, { once: true });
      try {
        if (blob) await fromBlob(putting, blob, report);
        else await fromStream(putting, work, report);
        return await putting.end();
      } catch (error) {
        putting.cancel();
        throw error;
      } finally {
        work.signal.removeEventListener("abort", stop);
      }
    };
    let late: Promise<boolean> | undefined;
    const staged = () => {
      report.staged();
      work.signal.addEventListener("abort", () => (late = isNew(vault, path, work.signal.reason)), { once: true });
    };
    const { value, copies } = await vault.change(stage, work.signal, staged);
    // Whoever gave it up while it was sent finds nothing where nothing was.
    if (await late) await vault.change(() => vault.tab.remove(path));
    work.signal.throwIfAborted();
    if (copies) report.safe(copies);
    return {
      path,
      name: path.slice(path.lastIndexOf("/") + 1),
      kind: "file",
      size: value.size,
      modified,
      safety: safety(copies),
      copies,
      newBytes: value.newBytes,
    };
  } finally {
    vault.placed.delete(report.sending);
  }
}

/** Says of a file that is not committed yet and that somebody gave up, whether nothing else stands in its place. */
async function isNew(vault: Vault, path: string, reason: CachetteError): Promise<boolean> {
  if (reason.code !== "cancelled") return false;
  return vault.tab.stat(path).then(
    () => false,
    (error: { code?: unknown }) => error.code === "not-found",
  );
}

/** Reads one piece ahead, so that the vault does not wait for the disk. */
async function fromBlob(putting: Putting, blob: Blob, report: Report): Promise<void> {
  const read = (from: number) => blob.slice(from, from + PIECE).arrayBuffer();
  let next = blob.size > 0 ? read(0) : undefined;
  let sealed = 0;
  for (let at = PIECE; next !== undefined; at += PIECE) {
    const piece = await next;
    let bytes = new Uint8Array(piece);
    next = at < blob.size ? read(at) : undefined;
    while (bytes.length > 0) {
      const room = await putting.room();
      // Over already: its end says why.
      if (room === 0) return;
      const now = bytes.subarray(0, room);
      putting.write(now);
      bytes = bytes.subarray(now.length);
      sealed += now.length;
      report.sealed(sealed);
    }
    free(piece);
  }
}

async function fromStream(putting: Putting, work: Work, report: Report): Promise<void> {
  let invited = 0;
  let sealed = 0;
  for (;;) {
    const room = await putting.room();
    // Over already: its end says why.
    if (room === 0) return;
    const more = Math.min(room, WINDOW) - invited;
    if (more > 0) {
      work.invite(more);
      invited += more;
    }
    const bytes = await work.chunk();
    if (bytes === undefined) return;
    if (bytes.length > invited) throw new CachetteError("internal", "more came than was invited");
    invited -= bytes.length;
    putting.write(bytes);
    sealed += bytes.length;
    free(bytes.buffer);
    report.sealed(sealed);
  }
}

/** What the view is told of a put. */
class Report {
  readonly #vault: Vault;
  readonly #work: Work;
  readonly #total: number | undefined;
  #phase: Progress["phase"] = "sealing";
  #sealed = 0;
  #sent = 0;
  #last = 0;

  constructor(vault: Vault, work: Work, total: number | undefined) {
    this.#vault = vault;
    this.#work = work;
    this.#total = total;
  }

  sealed(bytes: number): void {
    this.#sealed = bytes;
    this.#tell();
  }

  staged(): void {
    this.#phase = "sending";
    this.#tell(true);
  }

  /** Counts as sent what neither waits for its copies nor may still be gathered into a block. */
  readonly sending = (): void => {
    const gathered = this.#phase === "sealing" ? GATHERED : 0;
    this.#sent = Math.max(this.#sent, this.#sealed - this.#vault.waiting() - gathered);
    this.#tell();
  };

  safe(copies: NonNullable<Progress["copies"]>): void {
    const { durable, safeAt } = copies;
    if (durable < safeAt) return;
    const sealed = this.#sealed;
    this.#work.progress({ phase: "safe", sealed, sent: sealed, total: this.#total, copies } satisfies Progress);
  }

  #tell(now = false): void {
    const time = performance.now();
    if (!now && time - this.#last < REPORT_MS) return;
    this.#last = time;
    const sent = this.#vault.hasNodes() ? this.#sent : 0;
    this.#work.progress({ phase: this.#phase, sealed: this.#sealed, sent, total: this.#total } satisfies Progress);
  }
}

/** So many bytes may be sealed and not yet on their way. */
const GATHERED = 4 << 20;
/** A report is worth a message only so often. */
const REPORT_MS = 50;
