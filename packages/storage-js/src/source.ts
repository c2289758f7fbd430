/** Where the bytes of an upload come from, and how they are cut into chunks. */
import { Hasher } from "./hash.js";
import { CHUNK_BYTES } from "./limits.js";

/**
 * What can be uploaded. Of a `Blob` (a `File` is one), a `Uint8Array` and a text, any part can be read again, so that an
 * upload that was interrupted is resumed. What a stream or an iterable has given is gone.
 */
export type Source = Blob | Uint8Array | string | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** A source of known size that can be read from anywhere, again and again. */
export interface RereadableSource {
  readonly size: number;
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** The source as one that can be read again, where it is one. */
export function rereadable(source: Source): RereadableSource | undefined {
  if (typeof source === "string") return rereadable(new TextEncoder().encode(source));
  if (source instanceof Uint8Array) {
    return { size: source.length, read: async (start, end) => new Uint8Array(source.subarray(start, end)) };
  }
  if (source instanceof Blob) {
    return {
      size: source.size,
      read: async (start, end) => new Uint8Array(await source.slice(start, end).arrayBuffer()),
    };
  }
  return undefined;
}

/** The SHA-256 of all of a source. `progress` is called with the number of bytes that have been hashed. */
export async function digestOfSource(
  source: RereadableSource,
  progress: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const hasher = new Hasher();
  for (let start = 0; start < source.size; start += CHUNK_BYTES) {
    signal?.throwIfAborted();
    const end = Math.min(start + CHUNK_BYTES, source.size);
    hasher.update(await source.read(start, end));
    progress(end);
  }
  return hasher.digest();
}

/** The pieces of a stream. It is cancelled when the signal is aborted, and when the loop over the pieces is left early. */
export async function* piecesOf(source: Source, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (!(source instanceof ReadableStream)) {
    yield* source as AsyncIterable<Uint8Array>;
    return;
  }
  const reader = source.getReader();
  const cancel = () => void reader.cancel(signal.reason).catch(() => undefined);
  signal.addEventListener("abort", cancel);
  let isDone = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      yield value;
    }
    isDone = true;
  } finally {
    signal.removeEventListener("abort", cancel);
    if (!isDone) cancel();
    reader.releaseLock();
  }
}

/** Cuts pieces of any lengths into chunks, each full but the last. Nothing is yielded for no bytes. */
export async function* chunksOf(
  pieces: AsyncIterable<Uint8Array>,
  size = CHUNK_BYTES,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let chunk = new Uint8Array(size);
  let filled = 0;
  for await (const piece of pieces) {
    for (let taken = 0; taken < piece.length; ) {
      const part = piece.subarray(taken, taken + size - filled);
      chunk.set(part, filled);
      filled += part.length;
      taken += part.length;
      if (filled === size) {
        yield chunk;
        chunk = new Uint8Array(size);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield chunk.slice(0, filled);
}
