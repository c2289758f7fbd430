/** Checks of certified replies against the root key, as the crate storage-verify makes them. */
import {
  Certificate, flatten_forks, type HashTree, LookupSubtreeStatus, type NodeHash, type NodeLabel, NodeType, type NodeValue,
  reconstruct, type VerifyFunc,
} from "@icp-sdk/core/agent";
import { Principal } from "@icp-sdk/core/principal";
import { sha256 } from "@noble/hashes/sha2.js";
import {
  type CertifiedInfo, type CertifiedLogPage, type CertifiedObject, type CertifiedPage, ChecksumState, type ListArgs, type Object,
  type ObjectInfo, type Proof, type ReadLogArgs,
} from "./bindings/storage.js";
import { hex, sameBytes } from "./hash.js";
import { MAX_PAGE_ITEMS } from "./limits.js";

/** What does not match. */
export type VerifyProblem =
  /** The certificate is not one of the network, of the canister, or of this time; `cause` has the library's error. */
  | "certificate"
  /** The witness is no hash tree. */
  | "witness"
  /** The root of the witness is not what the canister has certified. */
  | "root"
  /** No certified prefix is shown that covers what was asked for. */
  | "not-certified"
  /** The witness neither shows the object nor proves its absence. */
  | "not-shown"
  /** The reply has an object that is not in the tree. */
  | "added"
  /** The reply lacks an object that is in the tree. */
  | "omitted"
  /** The reply has another object than was asked for. */
  | "other-key"
  /** The metadata is not what is certified. */
  | "metadata"
  /** The value has not the certified size. */
  | "size"
  /** The value has not the certified SHA-256. */
  | "value"
  /** No SHA-256 of the value is certified. */
  | "no-digest"
  /** The page is not the one that was asked for, or the witness does not show that it is complete. */
  | "page"
  /** The entries are not those of the certified log. */
  | "log";

/** A reply is not proven. Nothing of it can be relied on. */
export class VerifyError extends Error {
  override readonly name = "VerifyError";

  constructor(
    /** What does not match. */
    readonly problem: VerifyProblem,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** How replies are checked. */
export interface VerifierOptions {
  /** The canister. */
  canister: string | Principal;
  /** The root key of the network in DER. */
  rootKey: Uint8Array;
  /** The age from which on certificates are refused, in minutes; 5 by default. */
  maxAgeInMinutes?: number;
  /** Checks BLS signatures in place of the library, which takes some milliseconds. */
  blsVerify?: VerifyFunc;
}

/** The largest certificate or witness, in bytes. */
const MAX_PROOF_BYTES = 3 * 1024 * 1024;

/** The most nodes of a hash tree on the way to a leaf. */
const MAX_TREE_DEPTH = 256;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Checks the certified replies of a canister. */
export class Verifier {
  readonly #canister: Principal;

  constructor(private readonly options: VerifierOptions) {
    this.#canister = Principal.from(options.canister);
  }

  /** Checks a reply of `get_certified`. Returns the object, or null where it is proven that there is none. */
  async object(key: string, reply: CertifiedObject): Promise<Object | null> {
    await this.#checkObject(key, reply.object?.info, reply.proof);
    if (reply.object === undefined) return null;
    checkValue(reply.object.info, reply.object.value.length, sha256(reply.object.value));
    return reply.object;
  }

  /** Checks a reply of `stat_certified`. Returns the metadata, or null where it is proven that there is no object. */
  async info(key: string, reply: CertifiedInfo): Promise<ObjectInfo | null> {
    await this.#checkObject(key, reply.info, reply.proof);
    return reply.info ?? null;
  }

  /** Checks a reply of `list_certified`: the objects, and that none is missing. */
  async page(args: ListArgs, reply: CertifiedPage): Promise<ObjectInfo[]> {
    if (args.delimiter !== undefined || args.descending === true) {
      throw new VerifyError("page", "certified pages have no delimiter and are in ascending order");
    }
    const limit = Math.min(args.limit ?? MAX_PAGE_ITEMS, MAX_PAGE_ITEMS);
    if (reply.objects.length > limit) {
      throw new VerifyError("page", `the page has ${reply.objects.length} objects, and at most ${limit} were asked for`);
    }
    const witness = await this.#witness(reply.proof);
    checkPrefix(witness, args.prefix);
    const found = lookup(witness, "objects");
    if (found === "unknown") throw gap();
    checkPage(args, reply, found === "absent" ? [] : children(found));
    return reply.objects;
  }

  /** Checks a reply of `log_certified`: the entries, and the length of the log. */
  async log(args: ReadLogArgs, reply: CertifiedLogPage): Promise<Uint8Array[]> {
    const head = lookup(await this.#witness(reply.proof), "log");
    if (typeof head === "string" || head[0] !== NodeType.Leaf || head[1].length !== 40) throw new VerifyError("log", "the witness does not show the head of the log");
    checkLog(args, reply, head[1]);
    return reply.entries;
  }

  async #checkObject(key: string, info: ObjectInfo | undefined, proof: Proof): Promise<void> {
    const shown = JSON.stringify(key);
    if (info !== undefined && info.key !== key) {
      throw new VerifyError("other-key", `the reply has object ${JSON.stringify(info.key)} instead of ${shown}`);
    }
    const witness = await this.#witness(proof);
    const found = lookup(witness, "objects", key);
    if (found === "unknown") {
      throw new VerifyError("not-shown", `the witness neither shows object ${shown} nor proves its absence`);
    }
    if (found === "absent") {
      if (info !== undefined) throw new VerifyError("added", `the reply has object ${shown}, and the witness proves that there is none`);
      checkPrefix(witness, key);
    } else {
      if (info === undefined) throw new VerifyError("omitted", `the reply lacks object ${shown}, which the witness shows`);
      checkRecord(info, found);
    }
  }

  /** Checks the certificate, and that the canister has certified the root of the witness. */
  async #witness(proof: Proof): Promise<HashTree> {
    if (Math.max(proof.certificate.length, proof.witness.length) > MAX_PROOF_BYTES) {
      throw new VerifyError("witness", `a certificate and a witness have at most ${MAX_PROOF_BYTES} bytes`);
    }
    const certified = await this.#certifiedData(proof.certificate);
    const witness = decodeTree(proof.witness);
    const root = new Uint8Array(await reconstruct(witness));
    if (sameBytes(root, certified)) return witness;
    throw new VerifyError("root", `the root of the witness is ${hex(root)}, and the canister has certified ${hex(certified)}`);
  }

  async #certifiedData(certificate: Uint8Array): Promise<Uint8Array> {
    const { rootKey, maxAgeInMinutes, blsVerify } = this.options;
    try {
      const principal = { canisterId: this.#canister };
      const checked = await Certificate.create({ certificate, rootKey, principal, maxAgeInMinutes, blsVerify });
      const found = checked.lookup_subtree(["canister", this.#canister.toUint8Array(), "certified_data"]);
      if (found.status === LookupSubtreeStatus.Found && found.value[0] === NodeType.Leaf) return found.value[1];
    } catch (error) {
      throw new VerifyError("certificate", `the certificate is refused: ${error instanceof Error ? error.message : error}`, error);
    }
    throw new VerifyError("certificate", "the certificate does not show the certified data of the canister");
  }
}

/** Compares size and SHA-256 of a value with the metadata of its object, which was checked before. */
export function checkValue(info: ObjectInfo, size: number, digest: Uint8Array): void {
  const key = JSON.stringify(info.key);
  if (info.size !== BigInt(size)) {
    throw new VerifyError("size", `the value of object ${key} has ${size} bytes, and ${info.size} are certified`);
  }
  if (info.sha256 === undefined) throw new VerifyError("no-digest", `no SHA-256 of object ${key} is certified: call verify`);
  if (sameBytes(info.sha256.digest, digest)) return;
  const certified = hex(info.sha256.digest);
  throw new VerifyError("value", `the value of object ${key} has the SHA-256 ${hex(digest)}, and ${certified} is certified`);
}

/** The tag with which an encoding describes itself as CBOR. */
const SELF_DESCRIBED = Uint8Array.of(0xd9, 0xd9, 0xf7);

/** The kinds of items that hash trees have. */
const [UNSIGNED, BYTES, ARRAY] = [0, 2, 4];

/**
 * Decodes a hash tree that takes all of the bytes. The decoder of the library takes what is cut off, and has no limit to the
 * depth.
 */
function decodeTree(bytes: Uint8Array): HashTree {
  let at = startsWith(bytes, SELF_DESCRIBED) ? SELF_DESCRIBED.length : 0;
  const wrong = () => new VerifyError("witness", `the witness is not a hash tree at byte ${at}`);
  const header = (kind: number): number => {
    const first = bytes[at] ?? 0xff;
    at += 1;
    const info = first & 0x1f;
    if (first >> 5 !== kind || info > 26) throw wrong();
    if (info < 24) return info;
    let value = 0;
    for (let left = 1 << (info - 24); left > 0; left -= 1, at += 1) value = value * 256 + (bytes[at] ?? NaN);
    return value;
  };
  const content = (): Uint8Array => {
    const end = header(BYTES) + at;
    // Also where the length is cut off, and so no number.
    if (!(end <= bytes.length)) throw wrong();
    const found = bytes.subarray(at, end);
    at = end;
    return found;
  };
  const tree = (depth: number): HashTree => {
    if (depth === 0) throw wrong();
    const kind = [header(ARRAY), header(UNSIGNED)].join();
    if (kind === "1,0") return [NodeType.Empty];
    if (kind === "3,1") return [NodeType.Fork, tree(depth - 1), tree(depth - 1)];
    if (kind === "3,2") return [NodeType.Labeled, content() as NodeLabel, tree(depth - 1)];
    if (kind === "2,3") return [NodeType.Leaf, content() as NodeValue];
    const digest = content();
    if (kind !== "2,4" || digest.length !== 32) throw wrong();
    return [NodeType.Pruned, digest as NodeHash];
  };
  const decoded = tree(MAX_TREE_DEPTH);
  if (at !== bytes.length) throw wrong();
  return decoded;
}

/** A child of a tree: what is under a label, or what is hidden. */
type Child = { label: Uint8Array; tree: HashTree } | undefined;

/** The trees that the forks at the top join; undefined stands for hidden ones. */
function children(tree: HashTree): Child[] {
  let last: Uint8Array | undefined;
  return flatten_forks(tree).map((child): Child => {
    if (child[0] === NodeType.Pruned) return undefined;
    if (child[0] !== NodeType.Labeled) throw new VerifyError("witness", "the witness has contents where labels are expected");
    const [, label, below] = child;
    if (last !== undefined && compareBytes(last, label) >= 0) throw new VerifyError("witness", "the labels of the witness are not in order");
    last = label;
    return { label, tree: below };
  });
}

/** What is at a path; `unknown` where the place of a label is hidden. */
function lookup(tree: HashTree, ...path: string[]): HashTree | "absent" | "unknown" {
  for (const name of path) {
    const label = encoder.encode(name);
    const shown = children(tree);
    const after = shown.findIndex((child) => child !== undefined && compareBytes(child.label, label) >= 0);
    const found = shown[after];
    if (found !== undefined && sameBytes(found.label, label)) {
      tree = found.tree;
      continue;
    }
    // Between the labels on both sides, nothing may be hidden.
    const before = after < 0 ? shown.length - 1 : after - 1;
    return before >= 0 && shown[before] === undefined ? "unknown" : "absent";
  }
  return tree;
}

/** Only under a certified prefix that is shown are all objects in the tree, so that others are absent. */
function checkPrefix(witness: HashTree, prefix: string): void {
  const found = lookup(witness, "prefixes");
  const shown = typeof found === "string" ? [] : children(found);
  const bytes = encoder.encode(prefix);
  const covers = (child: Child) =>
    child?.tree[0] === NodeType.Leaf && child.tree[1].length === 0 && startsWith(bytes, child.label);
  if (shown.some(covers)) return;
  throw new VerifyError("not-certified", `the witness shows no certified prefix of ${JSON.stringify(prefix)}`);
}

function checkRecord(info: ObjectInfo, tree: HashTree): void {
  const key = JSON.stringify(info.key);
  if (tree[0] !== NodeType.Leaf) throw new VerifyError("not-shown", `the witness does not show the metadata of object ${key}`);
  if (sameBytes(record(info), tree[1])) return;
  throw new VerifyError("metadata", `the metadata of object ${key} is not what is certified`);
}

/** Checks a page against the children of the tree of objects. Hidden ones may be only before and after it. */
function checkPage(args: ListArgs, page: CertifiedPage, shown: Child[]): void {
  const prefix = encoder.encode(args.prefix);
  const start = args.start_after === undefined ? undefined : encoder.encode(args.start_after);
  const isAfterStart = (key: Uint8Array) =>
    compareBytes(key, prefix) >= 0 && (start === undefined || compareBytes(key, start) > 0);
  const found = shown.findIndex((child) => child !== undefined && isAfterStart(child.label));
  const first = found < 0 ? shown.length : found;
  const beginsWithPrefix = sameBytes(shown[first]?.label, prefix);
  // Labels before the prefix itself are not under it.
  if (first > 0 && shown[first - 1] === undefined && !beginsWithPrefix) throw gap();
  page.objects.forEach((info, at) => checkPlace(info, prefix, isAfterStart, shown, first + at));
  checkEnd(page, prefix, shown, first + page.objects.length);
}

function checkPlace(info: ObjectInfo, prefix: Uint8Array, isAfterStart: (key: Uint8Array) => boolean, shown: Child[], at: number): void {
  const [bytes, key] = [encoder.encode(info.key), JSON.stringify(info.key)];
  if (!startsWith(bytes, prefix) || !isAfterStart(bytes)) {
    throw new VerifyError("page", `the page has object ${key}, which is not among those asked for`);
  }
  if (at >= shown.length) throw new VerifyError("added", `the page has object ${key}, which the witness does not show`);
  const child = shown[at];
  if (child === undefined) throw gap();
  const order = compareBytes(child.label, bytes);
  if (order < 0) throw new VerifyError("omitted", `the page lacks object ${JSON.stringify(decoder.decode(child.label))}`);
  if (order > 0) throw new VerifyError("added", `the page has object ${key}, and the witness proves that there is none`);
  checkRecord(info, child.tree);
}

function checkEnd(page: CertifiedPage, prefix: Uint8Array, shown: Child[], end: number): void {
  const last = page.objects.at(-1)?.key;
  if (page.next !== undefined) {
    if (page.next === last) return;
    throw new VerifyError("page", "the next page does not start after the last object of this one");
  }
  if (end >= shown.length) return;
  const child = shown[end];
  if (child === undefined) throw gap();
  if (!startsWith(child.label, prefix)) return;
  throw new VerifyError("omitted", `the page lacks object ${JSON.stringify(decoder.decode(child.label))}`);
}

function gap(): VerifyError {
  return new VerifyError("page", "the witness hides which objects there are");
}

function checkLog(args: ReadLogArgs, page: CertifiedLogPage, head: Uint8Array): void {
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
  const root = head.subarray(8);
  const count = page.entries.length;
  const isTooLong = args.limit !== undefined && count > args.limit;
  const isBeyond = count > 0 && args.from + BigInt(count) > length;
  if (page.length !== length || page.paths.length !== count || isTooLong || isBeyond || (count === 0 && args.from < length)) {
    throw new VerifyError("log", `the page does not have the entries that were asked for, of a log of ${length}`);
  }
  page.entries.forEach((entry, at) => {
    const index = args.from + BigInt(at);
    const found = ascend(index, length, entry, page.paths[at]!);
    if (found && sameBytes(found, root)) return;
    throw new VerifyError("log", `the path of entry ${index} of the log does not lead to the certified root`);
  });
}

/** The root to which a path leads; undefined where it has a wrong length. */
function ascend(index: bigint, length: bigint, entry: Uint8Array, path: Uint8Array[]): Uint8Array | undefined {
  // The highest digit in which the index differs from the length is that of the entry's peak.
  const height = (index ^ length).toString(2).length - 1;
  const right = (length & ((1n << BigInt(height)) - 1n)) !== 0n ? 1 : 0;
  const left = [...(length >> BigInt(height)).toString(2)].filter((digit) => digit === "1").length - 1;
  if (path.length !== height + right + left || path.some((digest) => digest.length !== 32)) return undefined;
  return path.reduce((digest, step, at) => {
    const isOnLeft = at < height ? ((index >> BigInt(at)) & 1n) === 1n : at >= height + right;
    return isOnLeft ? node(step, digest) : node(digest, step);
  }, separated("stable-storage-log-entry", entry));
}

function node(left: Uint8Array, right: Uint8Array): Uint8Array {
  return separated("stable-storage-log-node", left, right);
}

function separated(separator: string, ...parts: Uint8Array[]): Uint8Array {
  const hash = sha256.create().update(Uint8Array.of(separator.length)).update(encoder.encode(separator));
  return parts.reduce((so, part) => so.update(part), hash).digest();
}

const STATES = [ChecksumState.Declared, ChecksumState.Verified, ChecksumState.Mismatch];

/** The record of an object: the contents of its leaf. Undefined for metadata that the canister never returns. */
export function record(info: ObjectInfo): Uint8Array | undefined {
  const bytes: number[] = [1];
  const number = (value: bigint, width: number) => {
    for (let at = 0; at < width; at += 1) bytes.push(Number((value >> BigInt(8 * at)) & 0xffn));
  };
  let isEncodable = info.metadata?.length !== 0;
  const sized = (item: Uint8Array) => {
    isEncodable &&= item.length <= 0xffff;
    number(BigInt(item.length), 2);
    for (const byte of item) bytes.push(byte);
  };
  const optional = (item: Uint8Array | undefined) => {
    bytes.push(item === undefined ? 0 : 1);
    if (item !== undefined) sized(item);
  };
  for (const value of [info.size, info.revision, info.created_ns, info.modified_ns]) number(value, 8);
  for (const text of [info.content_type, info.content_encoding]) optional(text === undefined ? text : encoder.encode(text));
  optional(info.owner?.toUint8Array());
  const pairs = info.metadata ?? [];
  number(BigInt(pairs.length), 2);
  for (const { name, value } of pairs) for (const text of [name, value]) sized(encoder.encode(text));
  bytes.push(info.sha256 === undefined ? 0 : 1 + STATES.indexOf(info.sha256.state));
  if (info.sha256 !== undefined) {
    isEncodable &&= info.sha256.digest.length === 32;
    bytes.push(...info.sha256.digest.subarray(0, 32));
  }
  return isEncodable ? Uint8Array.from(bytes) : undefined;
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return sameBytes(bytes.subarray(0, start.length), start);
}

function compareBytes(one: Uint8Array, other: Uint8Array): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at += 1) {
    if (one[at] !== other[at]) return one[at]! - other[at]!;
  }
  return one.length - other.length;
}
