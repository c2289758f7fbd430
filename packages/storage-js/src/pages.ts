/** Listings, page after page. */
import type { Entry, ListArgs, ObjectInfo } from "./bindings/storage.js";
import type { Caller } from "./caller.js";

/** What is listed. */
export interface ListOptions {
  /**
   * Of all keys that are the same up to the first occurrence of this after the prefix, that common prefix is listed once, and
   * none of the keys. With a slash, files and folders.
   */
  delimiter?: string;
  /** From the last key to the first. */
  descending?: boolean;
  /** Only keys after this one, or before it where `descending` is set. */
  start_after?: string;
  /** How many objects a page has at most; 1,000 by default, which is the most. */
  page?: number;
  signal?: AbortSignal;
}

/** An object of a listing, or a common prefix, with the delimiter at its end. */
export type Listed =
  | { readonly kind: "object"; readonly key: string; readonly info: ObjectInfo }
  | { readonly kind: "prefix"; readonly key: string };

/**
 * The objects and common prefixes under a prefix, in byte order of their keys. Each page is of the moment of its call: an
 * object that is put or deleted meanwhile may be listed or not, but none is listed twice.
 */
export async function* list(caller: Caller, prefix: string, options: ListOptions): AsyncGenerator<Listed> {
  const { delimiter, descending, start_after, page: limit } = options;
  const args: ListArgs = { prefix, start_after, limit, delimiter, descending };
  for (;;) {
    const page = await caller.call("list", [args], options.signal);
    yield* merged(page.objects, page.prefixes, descending ?? false);
    if (page.next === undefined) return;
    args.start_after = page.next;
  }
}

/** Both sequences are in order; so is what is yielded. */
function* merged(objects: ObjectInfo[], prefixes: string[], descending: boolean): Generator<Listed> {
  const keys = prefixes.map((key) => ({ key, bytes: encoder.encode(key) }));
  let at = 0;
  const isBefore = (one: Uint8Array, other: Uint8Array) => (compareBytes(one, other) < 0) !== descending;
  for (const info of objects) {
    const bytes = encoder.encode(info.key);
    for (; at < keys.length && isBefore(keys[at]!.bytes, bytes); at += 1) {
      yield { kind: "prefix", key: keys[at]!.key };
    }
    yield { kind: "object", key: info.key, info };
  }
  for (; at < keys.length; at += 1) yield { kind: "prefix", key: keys[at]!.key };
}

const encoder = new TextEncoder();

/** JavaScript compares UTF-16, and the canister bytes. */
function compareBytes(one: Uint8Array, other: Uint8Array): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at += 1) {
    if (one[at] !== other[at]) return one[at]! - other[at]!;
  }
  return one.length - other.length;
}

/** The objects under a prefix with their values. */
export async function* scan(
  caller: Caller,
  prefix: string,
  options: Omit<ListOptions, "delimiter">,
): AsyncGenerator<Entry> {
  const { descending, start_after, page: limit } = options;
  const args: ListArgs = { prefix, start_after, limit, descending };
  for (;;) {
    const page = await caller.call("scan", [args], options.signal);
    yield* page.entries;
    if (page.next === undefined) return;
    args.start_after = page.next;
  }
}
