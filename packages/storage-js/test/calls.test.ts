import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import {
  CertifiedRejectErrorCode, HttpErrorCode, ProtocolError, RejectError, TrustError, CertificateVerificationErrorCode,
} from "@icp-sdk/core/agent";
import { IDL } from "@icp-sdk/core/candid";
import { type _SERVICE, idlFactory } from "../src/bindings/declarations/storage.did.js";
import { type Error_, Role, Storage as Bindings } from "../src/bindings/storage.js";
import { Caller, type Service } from "../src/caller.js";
import { errorInReject, parseError, textOf } from "../src/error-text.js";
import { CallError, isStorageError, StorageError } from "../src/errors.js";
import { isThisMachine } from "../src/connect.js";
import * as limits from "../src/limits.js";
import { Attempts, mayRepeat } from "../src/retry.js";
import { bytes, collect, FakeCanister, silence } from "./fake.js";

const RUST_LIMITS = new URL("../../../../crates/api/src/limits.rs", import.meta.url);
const RUST_ERRORS = new URL("../../../../crates/api/error-texts.txt", import.meta.url);

/** A caller whose every call fails with this. */
function failing(error: unknown, afterAcceptance = new WeakSet<object>()): Caller {
  const service = new Proxy({} as Service, { get: () => () => Promise.reject(error as Error) });
  return new Caller(service, service, { attempts: 1, firstDelayMs: 0, maxDelayMs: 0 }, afterAcceptance);
}

async function outcomeOf(error: unknown, after?: WeakSet<object>): Promise<unknown> {
  return failing(error, after).call("put", ["k", bytes(1)]).then(
    () => "done",
    (failure: unknown) => failure,
  );
}

const rejected = (code: 1 | 2 | 4 | 5, text: string, errorCode?: string) =>
  RejectError.fromCode(new CertifiedRejectErrorCode(bytes(32) as never, code as never, text, errorCode));

const errors: Error_[] = [
  { __kind__: "NotFound", NotFound: null },
  { __kind__: "AlreadyExists", AlreadyExists: null },
  { __kind__: "RevisionMismatch", RevisionMismatch: {} },
  { __kind__: "RevisionMismatch", RevisionMismatch: { current: 7n } },
  { __kind__: "InvalidArgument", InvalidArgument: { what: "the key has 1025 bytes; a key: has 'quotes'\nand lines" } },
  { __kind__: "TooLarge", TooLarge: { size: 2n, limit: 1n } },
  { __kind__: "OutOfMemory", OutOfMemory: { requested: 2n ** 64n - 1n, available: 0n } },
  { __kind__: "LimitExceeded", LimitExceeded: { what: "objects in one put_many", limit: 1_000n } },
  { __kind__: "Incomplete", Incomplete: { first_missing: 3n } },
  { __kind__: "OutOfRange", OutOfRange: { offset: 1n, length: 2n, size: 3n } },
  { __kind__: "Corrupted", Corrupted: { what: "a page at offset 5: torn", offset: 99n } },
  { __kind__: "ChunkConflict", ChunkConflict: { index: 3n } },
  ...[Role.Reader, Role.Writer, Role.Admin].map((needed): Error_ => ({ __kind__: "Unauthorized", Unauthorized: { needed } })),
];

describe("errors", () => {
  it("are read from their texts, alone and in the message of a reject", async () => {
    for (const error of errors) {
      const text = textOf(error);
      assert.deepEqual(parseError(text), error);
      for (const message of [
        `Error from Canister aaaaa-aa: Canister called \`ic0.trap\` with message: '${text}'.\nConsider gracefully handling failures.`,
        `Canister called \`ic0.trap\` with message: '${text}'`,
        `IC0406: The canister explicitly rejected message: ${text}`,
      ]) {
        assert.deepEqual(errorInReject(message), error, message);
        const failure = await outcomeOf(rejected(5, message));
        assert.ok(failure instanceof StorageError && failure.kind === error.__kind__ && failure.method === "put");
      }
    }
    for (const text of ["", "no", "not found: x", "too large: -1 bytes, the limit is 1", "unauthorized: this needs the role King"]) {
      assert.equal(errorInReject(text), undefined, text);
    }
  });

  it("have the texts of the canister", () => {
    for (const text of readFileSync(RUST_ERRORS, "utf8").trimEnd().split("\n")) {
      const error = parseError(text);
      assert.ok(error, text);
      assert.equal(textOf(error), text);
    }
  });

  it("have the fields of their case", () => {
    const error: unknown = new StorageError("get", { __kind__: "TooLarge", TooLarge: { size: 2n, limit: 1n } });
    assert.ok(isStorageError(error, "TooLarge"));
    assert.equal(error.fields.limit, 1n);
    assert.equal(error.message, "get: too large: 2 bytes, the limit is 1");
    assert.ok(!isStorageError(error, "NotFound") && !isStorageError(new Error("x"), "TooLarge"));
  });

  it("state what is known of a call without a reply", async () => {
    const of = async (error: unknown, after?: WeakSet<object>) => {
      const failure = await outcomeOf(error, after);
      assert.ok(failure instanceof CallError);
      return [failure.outcome, failure.isPassing];
    };
    const http = (status: number) => ProtocolError.fromCode(new HttpErrorCode(status, "", [], "no such thing\nat all"));
    assert.deepEqual(await of(silence()), ["unanswered", true]);
    assert.deepEqual(await of(TrustError.fromCode(new CertificateVerificationErrorCode("no"))), ["unanswered", true]);
    assert.deepEqual(await of(rejected(5, "trapped", "IC0503")), ["rejected", false]);
    assert.deepEqual(await of(rejected(2, "busy", "IC0204")), ["rejected", true]);
    assert.deepEqual(await of(rejected(2, "no cycles", "IC0207")), ["rejected", false]);
    assert.deepEqual(await of(new Error("Wrong magic number")), ["undecodable", false]);
    for (const status of [400, 403, 404, 413]) assert.deepEqual(await of(http(status)), ["refused", false]);
    for (const status of [408, 429, 500, 503]) assert.deepEqual(await of(http(status)), ["unanswered", true]);
    const late = http(400);
    assert.deepEqual(await of(late, new WeakSet([late])), ["unanswered", true], "the network had taken the call");
  });
});

describe("calls", () => {
  it("are made again only where that is the same as making them once", async () => {
    const service = idlFactory({ IDL })._fields.map(([name, func]) => ({ name, isQuery: func.annotations.includes("query") }));
    const repeated = service.filter(({ name, isQuery }) => mayRepeat(name, isQuery) && !isQuery).map(({ name }) => name);
    assert.deepEqual(repeated.toSorted(), ["certify", "certify_log", "copy_chunks", "verify", "write_chunk"]);
    const canister = new FakeCanister();
    canister.faults = () => "dropped";
    for (const [method, times] of [["put_with", 1], ["abort_upload", 1], ["stat", 3], ["write_chunk", 3]] as const) {
      await assert.rejects(canister.client(3).call(method, ...([] as never)), CallError);
      assert.equal(canister.count(method), times, method);
    }
  });

  it("wait at most as long as the policy says", async (test) => {
    test.mock.timers.enable({ apis: ["setTimeout"] });
    test.mock.method(Math, "random", () => 1);
    const attempts = new Attempts({ attempts: 4, firstDelayMs: 500, maxDelayMs: 900 });
    for (const longest of [500, 900, 900]) {
      const another = attempts.another();
      test.mock.timers.tick(longest);
      assert.equal(await another, true);
    }
    assert.equal(await attempts.another(), false);
  });

  it("keep options that are false, zero or empty", async () => {
    const sent: unknown[] = [];
    const actor = new Proxy({}, { get: () => (...args: unknown[]) => (sent.push(...args), Promise.reject(silence())) });
    const bindings = new Bindings(actor as never);
    await assert.rejects(bindings.configure({ public_read: false, capacity: 0n }));
    await assert.rejects(bindings.read({ key: "k", offset: 0n, length: 0n }));
    const [settings, read] = sent as Record<string, unknown>[];
    assert.deepEqual([settings!["public_read"], settings!["capacity"], settings!["max_uploads"]], [[false], [0n], []]);
    assert.deepEqual(read!["length"], [0n]);
    assert.ok({} as _SERVICE);
  });
});

describe("limits", () => {
  it("are those of the contract's crate", () => {
    const source = readFileSync(RUST_LIMITS, "utf8");
    const values = new Map<string, number>();
    for (const [, name, text] of source.matchAll(/pub const ([A-Z0-9_]+): \w+ = ([^;]+);/g)) {
      const known = text!.replaceAll("_", "").replace(/[A-Z][A-Z0-9]+/g, (word) => {
        const found = [...values].find(([other]) => other.replaceAll("_", "") === word);
        return String(found?.[1]);
      });
      if (/^[0-9 *+<-]+$/.test(known)) values.set(name!, Number(Function(`return ${known}`)()));
    }
    const ours = Object.entries(limits);
    assert.ok(ours.length >= 12);
    for (const [name, value] of ours) assert.equal(value, values.get(name), name);
  });
});

describe("listing", () => {
  it("merges objects and folders in byte order, forwards and backwards, page after page", async () => {
    // By UTF-16 "\u{1f600}" is before "\uff5e"; by bytes it is after it.
    const keys = ["a", "b/", "c", "\uff5e/", "\u{1f600}"];
    const pages = (order: string[]) => [order.slice(0, 3), order.slice(3)];
    for (const descending of [false, true]) {
      const order = descending ? keys.toReversed() : keys;
      const asked: unknown[] = [];
      const list = (args: { start_after?: string }) => {
        asked.push(args.start_after);
        const page = pages(order)[args.start_after ? 1 : 0]!;
        const objects = page.filter((key) => !key.endsWith("/")).map((key) => ({ key }));
        const prefixes = page.filter((key) => key.endsWith("/"));
        return { __kind__: "Ok", Ok: { objects, prefixes, next: args.start_after ? undefined : page.at(-1) } };
      };
      const client = Object.assign(new FakeCanister(), { list }).client();
      const listed = await collect(client.list("", { delimiter: "/", descending }));
      assert.deepEqual(listed.map(({ key }) => key), order);
      assert.deepEqual(asked, [undefined, order[2]]);
      assert.ok(listed.every(({ kind, key }) => (kind === "prefix") === key.endsWith("/")));
    }
  });
});

describe("the log", () => {
  it("is read from an index to its end, in pages", async () => {
    const canister = new FakeCanister();
    canister.entries = ["a", "b", "ü", "d"].map((text) => new TextEncoder().encode(text));
    const read = await collect(canister.client().readLog({ from: 1n, page: 2 }));
    assert.deepEqual(read.map(({ index, text }) => [index, text]), [[1n, "b"], [2n, "ü"], [3n, "d"]]);
    assert.equal(canister.count("read_log"), 2);
    assert.deepEqual(await collect(canister.client().readLog({ from: 4n })), []);
    await assert.rejects(collect(canister.client().readLog({ from: 5n })), (error) => isStorageError(error, "OutOfRange"));
  });

  it("is followed: what is appended later, each entry once, also from a node without the latest blocks", async () => {
    const canister = new FakeCanister();
    const encoder = new TextEncoder();
    const [old, fresh, last] = ["old", "new", "last"].map((text) => encoder.encode(text)) as [Uint8Array, Uint8Array, Uint8Array];
    // What the node has that answers each look at the end of the log.
    const looks = [[old], [old, fresh], [old], [old, fresh], [old, fresh, last]];
    canister.entries = [old];
    canister.faults = (method, _, nth) => {
      if (method === "read_log") canister.entries = looks[nth]!;
      return undefined;
    };
    const abort = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      for await (const { text } of canister.client().followLog({ interval: 0, signal: abort.signal })) {
        seen.push(text);
        if (text === "last") abort.abort(new Error("enough"));
      }
    })();
    await assert.rejects(following, /enough/);
    assert.deepEqual(seen, ["new", "last"]);
  });
});

describe("a network", () => {
  it("has its own root key only on this machine", () => {
    for (const url of ["http://127.0.0.1:4943", "http://localhost:8000", "http://a.localhost:1", "http://[::1]:2"]) {
      assert.ok(isThisMachine(url), url);
    }
    for (const url of ["https://icp-api.io", "https://127.0.0.1.example.com", "https://localhost.example.com"]) {
      assert.ok(!isThisMachine(url), url);
    }
  });
});
