/** The client. */
import type { HttpAgent } from "@icp-sdk/core/agent";
import { Principal } from "@icp-sdk/core/principal";
import {
  type Appended, type CertifiedPrefix, type CertifyProgress, ChecksumState, type Config, type Condition, type DeleteArgs, type Entry, type Grant, type LogInfo, type Object,
  type ObjectInfo, type Role, type Settings, type Status, type UploadStatus, type Written,
} from "./bindings/storage.js";
import { Caller, type Method, type Result, type Service } from "./caller.js";
import { checkBatch, checkDescription, checkKey, checkPayload } from "./check.js";
import { connect, type Connection, type ConnectOptions } from "./connect.js";
import { copy, type CopyOptions } from "./copy.js";
import { download, type Download, type DownloadOptions } from "./download.js";
import { isStorageError } from "./errors.js";
import { type FollowOptions, followLog, type LogEntry, type LogOptions, readLog } from "./log.js";
import { type Listed, list, type ListOptions, scan } from "./pages.js";
import type { Source } from "./source.js";
import type { TransferOptions } from "./transfer.js";
import { certifyAll, VerifiedReads } from "./verified.js";
import { Verifier, type VerifierOptions } from "./verify.js";
import { type ObjectOptions, upload, type Uploaded, type UploadOptions } from "./upload.js";

/** How it is certified. */
export interface CertifyOptions {
  /** Called after each step with the sum of all steps. */
  progress?: (sum: CertifyProgress) => void;
  signal?: AbortSignal;
}

/** An object to store with others in one call. */
export interface Put extends ObjectOptions {
  key: string;
  value: Uint8Array | string;
}

/** A client of one storage canister. Records have the names of storage.did. */
export class StorageClient {
  constructor(
    private readonly caller: Caller,
    /** Who calls. */
    readonly principal: Principal,
    /** The agent that carries the calls, where there is one. */
    readonly agent?: HttpAgent,
    /** The canister that is called, where it is known. */
    readonly canister?: Principal,
  ) {}

  /** Connects to a canister. Replies are verified: updates by certificates, queries by the signatures of nodes. */
  static async connect(options: ConnectOptions): Promise<StorageClient> {
    const { agent, caller, principal, canister }: Connection = await connect(options);
    return new StorageClient(caller, principal, agent, canister);
  }

  /**
   * Calls any method of storage.did, and throws what it answers as an error. Queries, `write_chunk` and `verify` are called
   * again where there is no answer; other updates are called once.
   */
  call<M extends Method>(method: M, ...args: Parameters<Service[M]>): Promise<Result<M>> {
    return this.caller.call(method, args);
  }

  /** Stores a value of at most 2,031,616 bytes. */
  async put(key: string, value: Uint8Array | string, options: ObjectOptions = {}): Promise<Written> {
    const put = putArgs("put_with", { ...options, key, value });
    return this.call("put_with", put);
  }

  /** Stores up to 1,000 values under different keys: all of them or none. */
  async putMany(puts: Put[]): Promise<Written[]> {
    checkBatch("put_many", puts.length, "objects in one put_many");
    return this.call("put_many", puts.map((put) => putArgs("put_many", put)));
  }

  /** The value under a key, of at most 2,031,616 bytes; `download` fetches larger ones. */
  async get(key: string): Promise<Uint8Array> {
    checkKey("get", key);
    return this.call("get", key);
  }

  /** The same with what is known of the object, both of one moment: what a compare-and-set needs. */
  async getWithInfo(key: string): Promise<Object> {
    checkKey("get_with_info", key);
    return this.call("get_with_info", key);
  }

  /** The values under up to 1,000 keys in their order, null where there is none. */
  async getMany(keys: string[]): Promise<(Uint8Array | null)[]> {
    checkBatch("get_many", keys.length, "keys in one get_many");
    return this.call("get_many", keys);
  }

  /** What is known of an object. */
  async stat(key: string): Promise<ObjectInfo> {
    checkKey("stat", key);
    return this.call("stat", key);
  }

  /** The same of an object that was written with a revision, from a node that has seen that revision. */
  async statSince(key: string, revision: bigint): Promise<ObjectInfo> {
    checkKey("stat", key);
    try {
      const info = await this.call("stat", key);
      if (info.revision >= revision) return info;
    } catch (error) {
      if (!isStorageError(error, "NotFound")) throw error;
    }
    return this.caller.agreed("stat", [key]);
  }

  /** Removes an object. Returns whether there was one. */
  async delete(key: string, condition?: Condition): Promise<boolean> {
    checkKey("delete", key);
    return this.call("delete_", key, condition ?? null);
  }

  /** Removes up to 1,000 objects: all of them or none. Returns which there were. */
  async deleteMany(deletes: DeleteArgs[]): Promise<boolean[]> {
    checkBatch("delete_many", deletes.length, "objects in one delete_many");
    return this.call("delete_many", deletes);
  }

  /** Removes all objects under a prefix, step after step. Returns how many there were. */
  async deletePrefix(prefix: string, options: Pick<TransferOptions, "signal"> = {}): Promise<bigint> {
    for (let deleted = 0n; ; ) {
      options.signal?.throwIfAborted();
      const step = await this.call("delete_prefix", { prefix });
      deleted += step.deleted;
      if (!step.more) return deleted;
    }
  }

  /** Removes and returns the first object under a prefix, null where there is none. */
  async takeFirst(prefix: string): Promise<Entry | null> {
    return this.call("take_first", prefix);
  }

  /** Moves an object to another key; the condition is on the object that is there now. */
  async rename(from: string, to: string, condition?: Condition): Promise<Written> {
    checkKey("rename", from);
    checkKey("rename", to);
    return this.call("rename", { from, to, condition });
  }

  /**
   * Copies an object of any size to another key. The canister copies the bytes: in one call, or in steps of 64 MiB. With the same
   * key twice, the object gets other metadata.
   */
  async copy(from: string, to: string, options: CopyOptions = {}): Promise<Written> {
    return copy(this.caller, from, to, options);
  }

  /** Stores an object of any size, in chunks where it does not fit one call. */
  async upload(key: string, source: Source, options: UploadOptions = {}): Promise<Uploaded> {
    return upload(this.caller, this.principal.toText(), key, source, options);
  }

  /** The caller's open uploads, all of them for an admin. */
  async uploads(): Promise<UploadStatus[]> {
    return this.call("list_uploads");
  }

  /** Ends an upload and gives its space back. */
  async abortUpload(upload: bigint): Promise<void> {
    await this.call("abort_upload", upload);
  }

  /** Fetches an object of any size, or a range of it. */
  async download(key: string, options: DownloadOptions = {}): Promise<Download> {
    return download(this.caller, key, options);
  }

  /** Has the canister hash an object until there is a verdict. `Mismatch` is a verdict and not an error. */
  async verify(key: string, options: Pick<TransferOptions, "signal" | "progress"> = {}): Promise<ChecksumState> {
    checkKey("verify", key);
    for (;;) {
      const step = await this.caller.call("verify", [key], options.signal);
      options.progress?.({ phase: "verifying", bytes: Number(step.hashed), size: Number(step.size) });
      if (step.verdict !== undefined) return step.verdict;
    }
  }

  /** The objects under a prefix, and with a delimiter the folders, in byte order of their keys. */
  list(prefix = "", options: ListOptions = {}): AsyncGenerator<Listed> {
    return list(this.caller, prefix, options);
  }

  /** The objects under a prefix with their values. */
  scan(prefix = "", options: Omit<ListOptions, "delimiter"> = {}): AsyncGenerator<Entry> {
    return scan(this.caller, prefix, options);
  }

  /** Appends entries to the log, up to 1,000: all of them or none. */
  async append(...entries: (Uint8Array | string)[]): Promise<Appended> {
    checkBatch("append", entries.length, "entries in one append");
    const bytes = entries.map(bytesOf);
    for (const entry of bytes) checkPayload("append", entry.length);
    return this.call("append", bytes);
  }

  /** The last entries of the log as texts, newest first. */
  async readLast(count: number | bigint): Promise<string[]> {
    return this.call("readLast", BigInt(count));
  }

  /** The entries of the log from an index to its end, oldest first. */
  readLog(options: LogOptions = {}): AsyncGenerator<LogEntry> {
    return readLog(this.caller, options);
  }

  /** The entries from an index, or that are appended from now on, without an end. */
  followLog(options: FollowOptions = {}): AsyncGenerator<LogEntry> {
    return followLog(this.caller, options);
  }

  /** How many entries and bytes the log has. */
  async logInfo(): Promise<LogInfo> {
    return this.call("log_info");
  }

  /**
   * Reads of what is certified, whose replies are checked against the root key of the network, or with the options against
   * another one.
   */
  verified(options: Partial<VerifierOptions> = {}): VerifiedReads {
    const canister = options.canister ?? this.canister;
    const rootKey = options.rootKey ?? this.agent?.rootKey;
    if (!canister || !rootKey) throw new TypeError("verified() needs a canister and a root key: connect, or name them");
    return new VerifiedReads(this.caller, new Verifier({ ...options, canister, rootKey }));
  }

  /** Declares that the objects under a prefix are certified, or that they no longer are. */
  async setCertified(prefix: string, certified: boolean): Promise<void> {
    await this.call("set_certified", prefix, certified);
  }

  /** The certified prefixes, and whether all objects under them are certified. */
  async certifiedPrefixes(): Promise<CertifiedPrefix[]> {
    return this.call("certified_prefixes");
  }

  /** Certifies all objects under a certified prefix, step after step. */
  async certify(prefix: string, options: CertifyOptions = {}): Promise<CertifyProgress> {
    return certifyAll(() => this.call("certify", prefix), options.progress, options.signal);
  }

  /** Certifies all entries of the log, and from then on those that are appended. */
  async certifyLog(options: CertifyOptions = {}): Promise<CertifyProgress> {
    return certifyAll(() => this.call("certify_log"), options.progress, options.signal);
  }

  /** Gives a principal a role in place of the one that it has; null takes it away. */
  async setRole(who: Principal | string, role: Role | null): Promise<void> {
    await this.call("set_role", Principal.from(who), role);
  }

  /** All principals that have been given a role. */
  async roles(): Promise<Grant[]> {
    return this.call("list_roles");
  }

  /** The state of the canister at a glance. */
  async status(): Promise<Status> {
    return this.call("status");
  }

  /** What is configured. */
  async config(): Promise<Config> {
    return this.call("get_config");
  }

  /** Sets what is given, and answers what is configured then. */
  async configure(settings: Settings): Promise<Config> {
    return this.call("configure", settings);
  }
}

function bytesOf(value: Uint8Array | string): Uint8Array {
  return typeof value === "string" ? new TextEncoder().encode(value) : value;
}

function putArgs(method: string, put: Put) {
  const value = bytesOf(put.value);
  checkKey(method, put.key);
  checkPayload(method, value.length);
  checkDescription(method, put);
  return { ...put, value };
}
