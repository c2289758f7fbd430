/** Storing an object of any size. */
import type { ChunkRange, Condition, MetadataPair, PutArgs, UploadArgs, UploadStatus, Written } from "./bindings/storage.js";
import type { Caller } from "./caller.js";
import { checkDescription, checkKey } from "./check.js";
import { commitSurely, revisionBeforeCommit } from "./commit.js";
import { TransferError } from "./errors.js";
import { findUpload } from "./find.js";
import { hex, sameBytes } from "./hash.js";
import { inLanes } from "./lanes.js";
import { CHUNK_BYTES, MAX_PAYLOAD_BYTES } from "./limits.js";
import { digestOfSource, type RereadableSource, rereadable, type Source } from "./source.js";
import { uploadStream } from "./stream.js";
import { CONCURRENCY, type TransferOptions } from "./transfer.js";

/** What an object can have besides its bytes, by the names of storage.did. */
export interface ObjectOptions {
  /** What the bytes are, for example `image/png`; for a `Blob` its own type by default. */
  content_type?: string;
  /** How the bytes are encoded, for example `gzip`. */
  content_encoding?: string;
  /** Up to 16 names and values, 2,048 bytes in all. */
  metadata?: MetadataPair[];
  /** What must hold of the object under the key for it to be replaced; see `absent`, `atRevision` and `withSha256`. */
  condition?: Condition;
  /** The SHA-256 that the bytes must have. */
  sha256?: Uint8Array;
}

/** How an object is uploaded. */
export interface UploadOptions extends ObjectOptions, TransferOptions {
  /** The size that the bytes of a stream must have. */
  size?: number;
  /**
   * Resume an open upload of the same key, size, SHA-256, type, metadata and condition, if there is one; true by default.
   * A stream cannot be resumed.
   */
  resume?: boolean;
}

/** What an upload has stored. */
export interface Uploaded extends Written {
  readonly size: number;
  readonly sha256: Uint8Array;
}

/** Stores an object: by `put_with` what fits one call, and in chunks what does not. */
export async function upload(
  caller: Caller,
  principal: string,
  key: string,
  source: Source,
  options: UploadOptions,
): Promise<Uploaded> {
  const method = "create_upload";
  checkKey(method, key);
  const args = argsOf(key, source, options);
  checkDescription(method, args);
  options.signal?.throwIfAborted();
  const again = rereadable(source);
  if (!again) return uploadStream(caller, source, args, options);
  checkSize(again.size, options.size);
  const report = (bytes: number) => options.progress?.({ phase: "hashing", bytes, size: again.size });
  const sha256 = await digestOfSource(again, report, options.signal);
  checkDigest(options.sha256, sha256);
  const declared = { ...args, sha256 };
  if (again.size <= MAX_PAYLOAD_BYTES) {
    const written = await putAll(caller, declared, await again.read(0, again.size), options);
    return { ...written, size: again.size, sha256 };
  }
  const written = await sendChunks(caller, principal, again, { ...declared, size: BigInt(again.size) }, options);
  return { ...written, size: again.size, sha256 };
}

/** Stores what fits one call. */
export async function putAll(
  caller: Caller,
  args: Omit<UploadArgs, "size">,
  value: Uint8Array,
  options: TransferOptions,
): Promise<Written> {
  const put: PutArgs = { ...args, value };
  options.signal?.throwIfAborted();
  const written = await caller.call("put_with", [put]);
  options.progress?.({ phase: "sending", bytes: value.length, size: value.length });
  return written;
}

async function sendChunks(
  caller: Caller,
  principal: string,
  source: RereadableSource,
  args: UploadArgs,
  options: UploadOptions,
): Promise<Written> {
  const { signal } = options;
  const [opened, before] = await Promise.all([
    openUpload(caller, principal, source.size, args, options),
    revisionBeforeCommit(caller, args.key, signal),
  ]);
  let open = opened;
  for (;;) {
    await sendMissing(caller, source, open, options);
    // A very large upload with gaps all over lacks more than one reply can list.
    if (!open.moreMissing) break;
    open = openOf(await caller.agreed("upload_status", [open.id], signal));
  }
  const end = { size: BigInt(source.size), sha256: args.sha256 };
  signal?.throwIfAborted();
  return commitSurely(caller, open.id, args, end, before);
}

/** An open upload, and what it lacks. */
interface Open {
  readonly id: bigint;
  readonly received: number;
  readonly missing: ChunkRange[];
  readonly moreMissing: boolean;
}

/** An upload that is resumed, or a new one, which lacks everything. */
async function openUpload(
  caller: Caller,
  principal: string,
  size: number,
  args: UploadArgs,
  options: UploadOptions,
): Promise<Open> {
  if (options.resume ?? true) {
    const found = await findUpload(caller, principal, args, options.signal);
    if (found) return openOf(found);
  }
  const { id } = await caller.call("create_upload", [args], options.signal);
  const last = BigInt(Math.ceil(size / CHUNK_BYTES) - 1);
  return { id, received: 0, missing: [{ first: 0n, last }], moreMissing: false };
}

function openOf(status: UploadStatus): Open {
  const { upload, received, missing, more_missing } = status;
  return { id: upload.id, received: Number(received), missing, moreMissing: more_missing };
}

async function sendMissing(
  caller: Caller,
  source: RereadableSource,
  open: Open,
  options: UploadOptions,
): Promise<void> {
  const { id, missing } = open;
  let received = open.received;
  const report = () => options.progress?.({ phase: "sending", bytes: received, size: source.size, upload: id });
  report();
  await inLanes(indexesOf(missing), options.concurrency ?? CONCURRENCY, async (index) => {
    const start = index * CHUNK_BYTES;
    const bytes = await source.read(start, Math.min(start + CHUNK_BYTES, source.size));
    const answer = await caller.call("write_chunk", [id, BigInt(index), bytes], options.signal);
    // Answers may overtake each other.
    received = Math.max(received, Number(answer.received));
    report();
  });
}

function* indexesOf(ranges: ChunkRange[]): Generator<number> {
  for (const { first, last } of ranges) {
    for (let index = first; index <= last; index += 1n) yield Number(index);
  }
}

function argsOf(key: string, source: Source, options: UploadOptions): UploadArgs {
  const type = source instanceof Blob && source.type !== "" ? source.type : undefined;
  const { content_type = type, content_encoding, metadata, condition, sha256 } = options;
  return { key, content_type, content_encoding, metadata, condition, sha256 };
}

/** Refuses a source that does not have the bytes that were declared. */
export function checkSize(length: number, declared: number | undefined): void {
  if (declared === undefined || length === declared) return;
  const size = BigInt(declared);
  throw new TransferError(
    length < declared ? { kind: "SourceEndsEarly", length: BigInt(length), size } : { kind: "SourceIsLonger", size },
  );
}

/** Refuses bytes that do not have the SHA-256 that was declared. */
export function checkDigest(declared: Uint8Array | undefined, computed: Uint8Array): void {
  if (declared === undefined || sameBytes(declared, computed)) return;
  throw new TransferError({ kind: "WrongDigest", declared: hex(declared), computed: hex(computed) });
}
