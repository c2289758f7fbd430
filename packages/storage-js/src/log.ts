/** Reading the log forward. */
import type { Caller } from "./caller.js";
import { isStorageError } from "./errors.js";
import { sleep } from "./retry.js";

/** An entry of the log. */
export interface LogEntry {
  readonly index: bigint;
  readonly bytes: Uint8Array;
  /** The bytes as UTF-8. */
  readonly text: string;
}

/** Which entries are read. */
export interface LogOptions {
  /** The index of the first entry; 0 by default. */
  from?: bigint;
  /** How many entries a page has at most; by default as many as fit one reply. */
  page?: number;
  signal?: AbortSignal;
}

/** How the log is followed. */
export interface FollowOptions extends LogOptions {
  /** How long is waited before the next look at the end of the log, in milliseconds; 2,000 by default. */
  interval?: number;
}

const INTERVAL_MS = 2_000;

/** The entries from an index to the end that the log had at the last page, oldest first. */
export async function* readLog(caller: Caller, options: LogOptions): AsyncGenerator<LogEntry> {
  let from = options.from ?? 0n;
  for (;;) {
    const args = { from, limit: options.page };
    const page = await caller.call("read_log", [args], options.signal);
    yield* page.entries.map((bytes, at) => entry(from + BigInt(at), bytes));
    from = page.next;
    if (page.entries.length === 0 || page.next >= page.length) return;
  }
}

/** The same, and what is appended later, without an end: until the signal is aborted or the loop is left. */
export async function* followLog(caller: Caller, options: FollowOptions): AsyncGenerator<LogEntry> {
  let from = options.from ?? (await caller.call("log_info", [], options.signal)).length;
  for (;;) {
    try {
      for await (const entry of readLog(caller, { ...options, from })) {
        from = entry.index + 1n;
        yield entry;
      }
    } catch (error) {
      // A node without the latest blocks does not have the entry yet.
      if (!isStorageError(error, "OutOfRange")) throw error;
    }
    await sleep(options.interval ?? INTERVAL_MS, options.signal);
  }
}

/** An entry, whose text is decoded when it is asked for. */
export function entry(index: bigint, bytes: Uint8Array): LogEntry {
  return {
    index,
    bytes,
    get text() {
      return new TextDecoder().decode(bytes);
    },
  };
}
