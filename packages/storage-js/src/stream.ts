/** Storing an object whose bytes come one after the other and cannot be read again. */
import type { UploadArgs, UploadEnd } from "./bindings/storage.js";
import type { Caller } from "./caller.js";
import { commitSurely, revisionBeforeCommit } from "./commit.js";
import { Hasher } from "./hash.js";
import { inLanes } from "./lanes.js";
import { abortable } from "./retry.js";
import { chunksOf, piecesOf, type Source } from "./source.js";
import { CONCURRENCY } from "./transfer.js";
import { checkDigest, checkSize, putAll, type Uploaded, type UploadOptions } from "./upload.js";

/**
 * Sends chunks as they come, and declares size and SHA-256 at the end. What fits one call is put by one. An upload that fails
 * is aborted, because what has gone by cannot be sent again.
 */
export async function uploadStream(
  caller: Caller,
  source: Source,
  args: UploadArgs,
  options: UploadOptions,
): Promise<Uploaded> {
  const { signal } = options;
  const stop = new AbortController();
  const abort = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", abort);
  const hashed = new HashedChunks(piecesOf(source, stop.signal));
  try {
    const first = await hashed.next(signal);
    const second = first && (await hashed.next(signal));
    if (!second) return await putOnly(caller, first ?? new Uint8Array(), hashed, args, options);
    return await sendAll(caller, [first, second], hashed, args, options);
  } finally {
    signal?.removeEventListener("abort", abort);
    stop.abort();
  }
}

async function putOnly(
  caller: Caller,
  value: Uint8Array,
  hashed: HashedChunks,
  args: UploadArgs,
  options: UploadOptions,
): Promise<Uploaded> {
  const { size, sha256 } = hashed.end(options);
  const written = await putAll(caller, { ...args, sha256 }, value, options);
  return { ...written, size, sha256 };
}

async function sendAll(
  caller: Caller,
  first: Uint8Array[],
  hashed: HashedChunks,
  args: UploadArgs,
  options: UploadOptions,
): Promise<Uploaded> {
  const { signal, progress, concurrency = CONCURRENCY } = options;
  const before = await revisionBeforeCommit(caller, args.key, signal);
  const { sha256: _declared, ...opening } = args;
  const { id } = await caller.call("create_upload", [opening], signal);
  let received = 0;
  try {
    await inLanes(hashed.chunks(first, signal), concurrency, async ({ index, bytes }) => {
      const answer = await caller.call("write_chunk", [id, BigInt(index), bytes], signal);
      received = Math.max(received, Number(answer.received));
      progress?.({ phase: "sending", bytes: received, upload: id, size: options.size });
    });
    const { size, sha256 } = hashed.end(options);
    const end: UploadEnd = { size: BigInt(size), sha256 };
    signal?.throwIfAborted();
    const written = await commitSurely(caller, id, opening, end, before);
    return { ...written, size, sha256 };
  } catch (error) {
    // Where it cannot be aborted, it expires.
    await caller.call("abort_upload", [id]).catch(() => undefined);
    throw error;
  }
}

/** Chunks that are hashed and counted as they pass. */
class HashedChunks {
  readonly #hasher = new Hasher();
  readonly #chunks: AsyncGenerator<Uint8Array>;
  #size = 0;

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#chunks = chunksOf(pieces);
  }

  /** The next chunk, if there is one. */
  async next(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const { done, value } = await abortable(this.#chunks.next(), signal);
    if (done) return undefined;
    this.#hasher.update(value);
    this.#size += value.length;
    return value;
  }

  /** Chunks with their indexes: those that have been taken, and the others. */
  async *chunks(taken: Uint8Array[], signal?: AbortSignal): AsyncGenerator<{ index: number; bytes: Uint8Array }> {
    let index = 0;
    for (const bytes of taken) yield { index: index++, bytes };
    for (;;) {
      const bytes = await this.next(signal);
      if (!bytes) return;
      yield { index: index++, bytes };
    }
  }

  /** Size and SHA-256 of what came, where they are not other than what was declared. */
  end(declared: UploadOptions): { size: number; sha256: Uint8Array } {
    checkSize(this.#size, declared.size);
    const sha256 = this.#hasher.digest();
    checkDigest(declared.sha256, sha256);
    return { size: this.#size, sha256 };
  }
}
