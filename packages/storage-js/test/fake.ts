/** A canister in this process, for tests: what the client needs of one, with faults that a test asks for. */
import assert from "node:assert/strict";
import { HttpFetchErrorCode, TransportError } from "@icp-sdk/core/agent";
import { Principal } from "@icp-sdk/core/principal";
import type {
  Condition, CopyArgs, CopySource, Error_, ObjectInfo, PutArgs, UploadArgs, UploadCondition, UploadEnd, UploadStatus,
} from "../src/bindings/storage.js";
import { ChecksumState } from "../src/bindings/storage.js";
import { Caller, type Service } from "../src/caller.js";
import { atRevision } from "../src/conditions.js";
import { CHUNK_BYTES } from "../src/limits.js";
import { StorageClient } from "../src/storage.js";

export const ALICE = Principal.fromText("2vxsx-fae");

interface StoredObject {
  info: ObjectInfo;
  bytes: Uint8Array;
}

interface OpenUpload {
  id: bigint;
  args: UploadArgs;
  chunks: Map<bigint, Uint8Array>;
}

/** What happens to a call: `lost` is carried out and not answered, `dropped` is not carried out and not answered. */
export type Fault = "lost" | "dropped" | Error_;

/** Decides what happens to a call; nothing for most. */
export type Faults = (method: string, args: unknown[], nth: number) => Fault | undefined;

const ok = <T>(value: T) => ({ __kind__: "Ok", Ok: value }) as const;
const err = (error: Error_) => ({ __kind__: "Err", Err: error }) as const;
export const notFound: Error_ = { __kind__: "NotFound", NotFound: null };

export function silence(): Error {
  return TransportError.fromCode(new HttpFetchErrorCode(new Error("connection reset")));
}

export class FakeCanister {
  objects = new Map<string, StoredObject>();
  uploads = new Map<bigint, OpenUpload>();
  entries: Uint8Array[] = [];
  calls: { method: string; args: unknown[]; agreed: boolean }[] = [];
  /** The calls that are being carried out now, and the most there were. */
  underWay = 0;
  mostUnderWay = 0;
  revision = 0n;
  faults: Faults = () => undefined;
  /** The largest object that `copy` copies. */
  largestCopy = 64 << 20;
  /** What a query sees of an object, where it is asked for; by default what is there. */
  lagging: ((key: string) => StoredObject | undefined) | undefined;
  #nextUpload = 1n;

  client(attempts = 3): StorageClient {
    const caller = new Caller(this.#service(false), this.#service(true), {
      attempts,
      firstDelayMs: 0,
      maxDelayMs: 0,
    });
    return new StorageClient(caller, ALICE);
  }

  count(method: string): number {
    return this.calls.filter((call) => call.method === method).length;
  }

  bytesOf(key: string): Uint8Array | undefined {
    return this.objects.get(key)?.bytes;
  }

  #service(agreed: boolean): Service {
    return new Proxy({} as Service, {
      get: (_, method: string) => (...args: unknown[]) => this.#answer(method, args, agreed),
    });
  }

  async #answer(method: string, args: unknown[], agreed: boolean): Promise<unknown> {
    const nth = this.count(method);
    this.calls.push({ method, args, agreed });
    this.underWay += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    try {
      // So that other calls come in between.
      await new Promise((done) => setImmediate(done));
      const fault = this.faults(method, args, nth);
      if (fault === "dropped") throw silence();
      if (typeof fault === "object") return err(fault);
      const run = (this as unknown as Record<string, (...args: unknown[]) => unknown>)[method];
      if (!run) throw new Error(`the fake canister has no ${method}`);
      const reply = method === "stat" || method === "read" ? run.call(this, ...args, agreed) : run.apply(this, args);
      if (fault === "lost") throw silence();
      return reply;
    } finally {
      this.underWay -= 1;
    }
  }

  #seen(key: string, agreed: unknown): StoredObject | undefined {
    return this.lagging && !agreed ? this.lagging(key) : this.objects.get(key);
  }

  store(args: Omit<PutArgs, "value">, bytes: Uint8Array): { revision: bigint } {
    this.revision += 1n;
    const { key, content_type, content_encoding, metadata, sha256: digest } = args;
    const sha256 = digest && { digest, state: ChecksumState.Declared };
    const [created_ns, modified_ns] = [1n, this.revision];
    const info: ObjectInfo = {
      key, size: BigInt(bytes.length), revision: this.revision, content_type, content_encoding, metadata, sha256,
      created_ns, modified_ns,
    };
    this.objects.set(key, { info, bytes: bytes.slice() });
    return { revision: this.revision };
  }

  put_with(args: PutArgs) {
    return ok(this.store(args, args.value));
  }

  stat(key: string, agreed: unknown) {
    const found = this.#seen(key, agreed);
    return found ? ok(found.info) : err(notFound);
  }

  read(args: { key: string; offset: bigint; length: bigint; revision?: bigint }, agreed: unknown) {
    const found = this.#seen(args.key, agreed);
    if (args.revision !== undefined && found?.info.revision !== args.revision) {
      return err({ __kind__: "RevisionMismatch", RevisionMismatch: { current: found?.info.revision } });
    }
    if (!found) return err(notFound);
    const start = Number(args.offset);
    return ok(found.bytes.slice(start, start + Number(args.length)));
  }

  create_upload(args: UploadArgs) {
    const id = this.#nextUpload++;
    const found = this.objects.get(args.key)?.info;
    const asked = args.condition?.__kind__ === "Sha256" ? args.condition.Sha256 : undefined;
    if (asked && (!found?.sha256 || Buffer.compare(found.sha256.digest, asked) !== 0)) {
      return err({ __kind__: "RevisionMismatch", RevisionMismatch: { current: found?.revision } });
    }
    const condition = asked && found ? atRevision(found.revision) : args.condition;
    this.uploads.set(id, { id, args: { ...args, condition }, chunks: new Map() });
    return ok({ id, key: args.key, size: args.size, chunk_size: BigInt(CHUNK_BYTES), expires_ns: 0n });
  }

  write_chunk(id: bigint, index: bigint, bytes: Uint8Array) {
    const upload = this.uploads.get(id);
    if (!upload) return err(notFound);
    upload.chunks.set(index, bytes.slice());
    return ok({ received: received(upload), size: upload.args.size });
  }

  copy({ from, to, condition, metadata }: CopyArgs) {
    const source = this.objects.get(from);
    if (!source) return err(notFound);
    const size = BigInt(source.bytes.length);
    const limit = BigInt(this.largestCopy);
    if (size > limit) return err({ __kind__: "TooLarge", TooLarge: { size, limit } });
    if (condition?.__kind__ === "Absent" && this.objects.has(to)) return err({ __kind__: "AlreadyExists", AlreadyExists: null });
    const { content_type, content_encoding, metadata: pairs } = metadata ?? source.info;
    const sha256 = source.info.sha256?.digest;
    return ok(this.store({ key: to, content_type, content_encoding, metadata: pairs, sha256 }, source.bytes));
  }

  /** Copies one chunk at a time. */
  copy_chunks(id: bigint, first: bigint, [source]: CopySource[]) {
    const upload = this.uploads.get(id);
    const found = source && this.objects.get(source.key);
    if (!upload || !found) return err(notFound);
    const end = BigInt(Math.ceil(Number(upload.args.size) / CHUNK_BYTES));
    for (let index = first; index < end; index += 1n) {
      if (upload.chunks.has(index)) continue;
      const at = Number(index - first) * CHUNK_BYTES + Number(source.offset ?? 0n);
      upload.chunks.set(index, found.bytes.slice(at, at + CHUNK_BYTES));
      break;
    }
    return ok({ received: received(upload), size: upload.args.size });
  }

  commit_upload(id: bigint, end: UploadEnd | null) {
    const upload = this.uploads.get(id);
    if (!upload) return err(notFound);
    const size = Number(end?.size ?? upload.args.size);
    const bytes = new Uint8Array(size);
    for (const [index, chunk] of upload.chunks) bytes.set(chunk, Number(index) * CHUNK_BYTES);
    if (Number(received(upload)) !== size) return err({ __kind__: "Incomplete", Incomplete: { first_missing: 0n } });
    if (upload.args.condition?.__kind__ === "Absent" && this.objects.has(upload.args.key)) {
      return err({ __kind__: "AlreadyExists", AlreadyExists: null });
    }
    this.uploads.delete(id);
    return ok(this.store({ ...upload.args, sha256: end?.sha256 ?? upload.args.sha256 }, bytes));
  }

  abort_upload(id: bigint) {
    return this.uploads.delete(id) ? ok(null) : err(notFound);
  }

  list_uploads() {
    return ok([...this.uploads.values()].map((upload) => ({ ...statusOf(upload), metadata: undefined, missing: [] })));
  }

  upload_status(id: bigint) {
    const upload = this.uploads.get(id);
    return upload ? ok(statusOf(upload)) : err(notFound);
  }

  log_info() {
    return ok({ length: BigInt(this.entries.length), bytes: 0n });
  }

  read_log({ from, limit = 1_000 }: { from: bigint; limit?: number }) {
    const length = BigInt(this.entries.length);
    if (from > length) return err({ __kind__: "OutOfRange", OutOfRange: { offset: from, length: 0n, size: length } });
    const entries = this.entries.slice(Number(from), Number(from) + limit);
    return ok({ entries, next: from + BigInt(entries.length), length });
  }
}

function received(upload: OpenUpload): bigint {
  return [...upload.chunks.values()].reduce((sum, chunk) => sum + BigInt(chunk.length), 0n);
}

function statusOf({ id, args, chunks }: OpenUpload): UploadStatus {
  const count = BigInt(Math.ceil(Number(args.size ?? 0n) / CHUNK_BYTES));
  const missing = [];
  for (let index = 0n; index < count; index += 1n) {
    if (!chunks.has(index)) missing.push({ first: index, last: index });
  }
  return {
    upload: { id, key: args.key, size: args.size, chunk_size: BigInt(CHUNK_BYTES), expires_ns: 0n },
    creator: ALICE,
    content_type: args.content_type,
    content_encoding: args.content_encoding,
    metadata: args.metadata,
    sha256: args.sha256,
    condition: keptOf(args.condition),
    received: received({ id, args, chunks }),
    missing,
    more_missing: false,
  };
}

/** `create_upload` has replaced a SHA-256 by a revision. */
function keptOf(condition: Condition | undefined): UploadCondition {
  assert.notEqual(condition?.__kind__, "Sha256");
  return (condition ?? { __kind__: "Any", Any: null }) as UploadCondition;
}

/** Bytes that differ from chunk to chunk. */
export function bytes(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed;
  for (let at = 0; at < words.length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    words[at] = state;
  }
  return new Uint8Array(words.buffer).slice(0, length);
}

/** A stream of these pieces. */
export function streamOf(...pieces: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}

/** All of an iterable. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Compares bytes; `deepEqual` takes a second for some megabytes. */
export function assertBytes(actual: Uint8Array | undefined, expected: Uint8Array, message = "the bytes differ"): void {
  assert.ok(actual && Buffer.compare(actual, expected) === 0, message);
}
