/** Checks of arguments before a call, so that a mistake is named where it was made and costs no message. */
import type { Error_, MetadataPair } from "./bindings/storage.js";
import { StorageError } from "./errors.js";
import * as limits from "./limits.js";

const encoder = new TextEncoder();

function invalid(what: string): Error_ {
  return { __kind__: "InvalidArgument", InvalidArgument: { what } };
}

function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** A key has 1 to 1,024 bytes. */
export function checkKey(method: string, key: string): void {
  const bytes = byteLength(key);
  if (bytes === 0) {
    throw new StorageError(method, invalid(`the key is empty; a key has 1 to ${limits.MAX_KEY_BYTES} bytes`));
  }
  if (bytes > limits.MAX_KEY_BYTES) {
    const what = `the key has ${bytes} bytes; a key has 1 to ${limits.MAX_KEY_BYTES} bytes`;
    throw new StorageError(method, invalid(what));
  }
}

/** A value, a log entry and a chunk have at most 2,031,616 bytes. */
export function checkPayload(method: string, bytes: number): void {
  const limit = limits.MAX_PAYLOAD_BYTES;
  if (bytes <= limit) return;
  throw new StorageError(method, {
    __kind__: "TooLarge",
    TooLarge: { size: BigInt(bytes), limit: BigInt(limit) },
  });
}

/** A batch has at most 1,000 items; `what` names them, as in `keys in one get_many`. */
export function checkBatch(method: string, items: number, what: string): void {
  if (items <= limits.MAX_BATCH_ITEMS) return;
  const limit = BigInt(limits.MAX_BATCH_ITEMS);
  throw new StorageError(method, { __kind__: "LimitExceeded", LimitExceeded: { what, limit } });
}

/** What describes an object. */
export interface Description {
  content_type?: string;
  content_encoding?: string;
  metadata?: MetadataPair[];
  sha256?: Uint8Array;
}

/** Content type, encoding, metadata and digest are within their limits. */
export function checkDescription(method: string, description: Description): void {
  const wrong =
    longText("content type", description.content_type, limits.MAX_CONTENT_TYPE_BYTES) ??
    longText("content encoding", description.content_encoding, limits.MAX_CONTENT_ENCODING_BYTES) ??
    wrongMetadata(description.metadata ?? []);
  if (wrong !== undefined) throw new StorageError(method, invalid(wrong));
  const digest = description.sha256?.length ?? limits.SHA256_BYTES;
  if (digest !== limits.SHA256_BYTES) {
    const what = `the SHA-256 has ${digest} bytes; a SHA-256 has ${limits.SHA256_BYTES}`;
    throw new StorageError(method, invalid(what));
  }
}

function longText(what: string, text: string | undefined, limit: number): string | undefined {
  const bytes = byteLength(text ?? "");
  return bytes > limit ? `the ${what} has ${bytes} bytes; at most ${limit} are allowed` : undefined;
}

function wrongMetadata(pairs: MetadataPair[]): string | undefined {
  if (pairs.length > limits.MAX_METADATA_PAIRS) {
    return `the metadata has ${pairs.length} pairs; at most ${limits.MAX_METADATA_PAIRS} are allowed`;
  }
  const bytes = pairs.reduce((sum, { name, value }) => sum + byteLength(name) + byteLength(value), 0);
  if (bytes > limits.MAX_METADATA_BYTES) {
    return `the metadata has ${bytes} bytes; at most ${limits.MAX_METADATA_BYTES} are allowed`;
  }
  const names = new Set<string>();
  for (const { name } of pairs) {
    if (name === "") return "a name of the metadata is empty; a name has at least 1 byte";
    if (names.has(name)) return `the metadata has the name ${JSON.stringify(name)} twice`;
    names.add(name);
  }
  return undefined;
}
