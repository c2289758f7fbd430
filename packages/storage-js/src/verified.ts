/** Reads whose replies are checked against the root key. */
import type { CertifyProgress, ListArgs, Object, ObjectInfo } from "./bindings/storage.js";
import type { Caller } from "./caller.js";
import { checkKey } from "./check.js";
import { download, type Download, type DownloadOptions } from "./download.js";
import { entry, type LogEntry, type LogOptions } from "./log.js";
import type { ListOptions } from "./pages.js";
import { type Verifier, VerifyError } from "./verify.js";

/** Reads of what the canister certifies. A reply is what the canister has certified in the last minutes, or an error. */
export class VerifiedReads {
  constructor(
    private readonly caller: Caller,
    /** What checks the replies. */
    readonly verifier: Verifier,
  ) {}

  /** An object of at most about 2 MB under a certified prefix, or null where it is proven that there is none. */
  async get(key: string): Promise<Object | null> {
    checkKey("get_certified", key);
    return this.verifier.object(key, await this.caller.call("get_certified", [key]));
  }

  /** The metadata of an object under a certified prefix, or null where it is proven that there is none. */
  async stat(key: string): Promise<ObjectInfo | null> {
    checkKey("stat_certified", key);
    return this.verifier.info(key, await this.caller.call("stat_certified", [key]));
  }

  /** The objects under a certified prefix, of which it is proven that none is missing. */
  async *list(
    prefix: string,
    options: Omit<ListOptions, "delimiter" | "descending"> = {},
  ): AsyncGenerator<ObjectInfo> {
    const args: ListArgs = { prefix, start_after: options.start_after, limit: options.page };
    for (;;) {
      const page = await this.caller.call("list_certified", [args], options.signal);
      yield* await this.verifier.page(args, page);
      if (page.next === undefined) return;
      args.start_after = page.next;
    }
  }

  /** The entries of the certified log from an index to its end, oldest first. */
  async *log(options: LogOptions = {}): AsyncGenerator<LogEntry> {
    for (let from = options.from ?? 0n; ; ) {
      const args = { from, limit: options.page };
      const page = await this.caller.call("log_certified", [args], options.signal);
      const entries = await this.verifier.log(args, page);
      yield* entries.map((bytes, at) => entry(from + BigInt(at), bytes));
      from += BigInt(entries.length);
      if (from >= page.length) return;
    }
  }

  /**
   * Fetches an object of any size under a certified prefix. The stream fails before its last bytes where the bytes are not
   * those that are certified. Null where it is proven that there is no object.
   */
  async download(key: string, options: Omit<DownloadOptions, "offset" | "length" | "info"> = {}): Promise<Download | null> {
    const info = await this.stat(key);
    if (info === null) return null;
    if (info.sha256 === undefined) {
      throw new VerifyError("no-digest", `no SHA-256 of object ${JSON.stringify(key)} is certified: call verify`);
    }
    return download(this.caller, key, { ...options, info });
  }
}

/** Certifies step after step, and reports the sum of all steps. */
export async function certifyAll(
  step: () => Promise<CertifyProgress>,
  report?: (sum: CertifyProgress) => void,
  signal?: AbortSignal,
): Promise<CertifyProgress> {
  for (let sum: CertifyProgress = { items: 0n, hashed: 0n, done: false }; ; ) {
    signal?.throwIfAborted();
    const { items, hashed, done } = await step();
    sum = { items: sum.items + items, hashed: sum.hashed + hashed, done };
    report?.(sum);
    if (done) return sum;
  }
}
