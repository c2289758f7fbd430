/** Fetching an object of any size. */
import type { ObjectInfo, ReadArgs } from "./bindings/storage.js";
import type { Caller } from "./caller.js";
import { checkKey } from "./check.js";
import { isStorageError, StorageError, TransferError } from "./errors.js";
import { Hasher } from "./hash.js";
import { inOrder } from "./lanes.js";
import { MAX_REPLY_BYTES } from "./limits.js";
import { CONCURRENCY, type TransferOptions } from "./transfer.js";
import { checkDigest } from "./upload.js";

/** How an object is downloaded. */
export interface DownloadOptions extends TransferOptions {
  /** The first byte; 0 by default. */
  offset?: number;
  /** How many bytes; to the end of the object by default. A range of an object cannot be verified. */
  length?: number;
  /** The object that is downloaded, where it is known: from `stat`, from a listing, or from `statSince`. */
  info?: ObjectInfo;
}

/** An object, or a range of it, whose bytes are fetched as they are read. */
export interface Download {
  /** What the canister knows of the object. All bytes are of this revision. */
  readonly info: ObjectInfo;
  /** How many bytes there will be. */
  readonly size: number;
  /**
   * The bytes. Several ranges are fetched ahead. The stream fails before its last bytes where the SHA-256 of all
   * of them is not the declared one. It can be read once.
   */
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** All bytes, in memory. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  /** All bytes, with the object's content type. */
  blob(): Promise<Blob>;
  /** All bytes, as UTF-8. */
  text(): Promise<string>;
}

/** Begins a download: asks what there is. Bytes are fetched when the stream is read. */
export async function download(caller: Caller, key: string, options: DownloadOptions): Promise<Download> {
  checkKey("stat", key);
  const info = options.info ?? (await statOfDownload(caller, key, options.signal));
  const size = Number(info.size);
  const { offset = 0, length = Math.max(size - offset, 0) } = options;
  if (offset < 0 || length < 0 || offset + length > size) {
    const range = { offset: BigInt(offset), length: BigInt(length), size: info.size };
    throw new StorageError("read", { __kind__: "OutOfRange", OutOfRange: range });
  }
  const pieces = verified(caller, info, offset, length, options);
  return new Fetched(info, length, streamOf(pieces));
}

class Fetched implements Download {
  constructor(
    readonly info: ObjectInfo,
    readonly size: number,
    readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  ) {}

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const all = new Uint8Array(this.size);
    let filled = 0;
    const reader = this.stream.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return all;
      all.set(value, filled);
      filled += value.length;
    }
  }

  async blob(): Promise<Blob> {
    return new Blob([await this.bytes()], { type: this.info.content_type });
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }
}

function streamOf(pieces: AsyncGenerator<Uint8Array<ArrayBuffer>>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return(undefined);
      },
    },
    // What is fetched ahead is the concurrency's, and nothing is fetched before somebody reads.
    { highWaterMark: 0 },
  );
}

async function* verified(
  caller: Caller,
  info: ObjectInfo,
  offset: number,
  length: number,
  options: DownloadOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { signal, progress, concurrency = CONCURRENCY } = options;
  const hasher = info.sha256 && length === Number(info.size) ? new Hasher() : undefined;
  let received = 0;
  const ranges = inOrder(offsetsOf(offset, length), concurrency, (start) => {
    return readRange(caller, info, start, Math.min(MAX_REPLY_BYTES, offset + length - start), signal);
  });
  for await (const bytes of ranges) {
    hasher?.update(bytes);
    received += bytes.length;
    if (received === length && hasher) checkDigest(info.sha256?.digest, hasher.digest());
    progress?.({ phase: "receiving", bytes: received, size: length });
    yield bytes;
  }
}

function* offsetsOf(offset: number, length: number): Generator<number> {
  for (let start = offset; start < offset + length; start += MAX_REPLY_BYTES) yield start;
}

async function readRange(
  caller: Caller,
  info: ObjectInfo,
  offset: number,
  length: number,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const range = { offset: BigInt(offset), length: BigInt(length), revision: info.revision };
  const args: ReadArgs = { key: info.key, ...range };
  const bytes = await certainly(
    () => caller.call("read", [args], signal),
    () => caller.agreed("read", [args], signal),
    info.revision,
  );
  if (bytes.length === length) return new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, length);
  throw new TransferError({
    kind: "WrongLength",
    offset: BigInt(offset),
    expected: length,
    found: bytes.length,
  });
}

function statOfDownload(caller: Caller, key: string, signal?: AbortSignal): Promise<ObjectInfo> {
  return certainly(
    () => caller.call("stat", [key], signal),
    () => caller.agreed("stat", [key], signal),
    0n,
  );
}

/**
 * What one node answers, or what all agree on where that node may not have seen yet how the object got this revision. The
 * agreed answer counts, unless the caller may ask a single node only, as where reads are public.
 */
async function certainly<T>(ask: () => Promise<T>, askAll: () => Promise<T>, revision: bigint): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!hasNotSeen(error, revision)) throw error;
    try {
      return await askAll();
    } catch (agreed) {
      const isCertain = isStorageError(agreed, "NotFound") || isStorageError(agreed, "RevisionMismatch");
      throw isCertain ? agreed : error;
    }
  }
}

function hasNotSeen(error: unknown, revision: bigint): boolean {
  if (isStorageError(error, "NotFound")) return true;
  if (!isStorageError(error, "RevisionMismatch")) return false;
  const { current } = error.fields;
  return current === undefined || current < revision;
}
