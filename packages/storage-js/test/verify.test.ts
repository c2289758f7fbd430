/** Certified replies that the tests of the crate storage-verify made, accepted as they are and refused with any change. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, describe, it, mock } from "node:test";
import { Cbor } from "@icp-sdk/core/agent";
import { IDL } from "@icp-sdk/core/candid";
import { Principal } from "@icp-sdk/core/principal";
import { idlFactory } from "../src/bindings/declarations/storage.did.js";
import {
  type CertifiedInfo, type CertifiedLogPage, type CertifiedObject, type CertifiedPage, ChecksumState, type ListArgs, type ObjectInfo, type Proof,
  Storage as Bindings,
} from "../src/bindings/storage.js";
import { Caller, type Service } from "../src/caller.js";
import { Verifier, VerifyError, type VerifyProblem } from "../src/verify.js";
import { VerifiedReads } from "../src/verified.js";
import { collect } from "./fake.js";

interface Vectors {
  root_key: string;
  canister: string;
  time_ms: number;
  cases: { method: string; args: never; reply: string }[];
}

const VECTORS = new URL("../../../../crates/verify/tests/vectors.json", import.meta.url);
const vectors = JSON.parse(readFileSync(VECTORS, "utf8")) as Vectors;
const fromHex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));
const verifier = new Verifier({ canister: vectors.canister, rootKey: fromHex(vectors.root_key) });

/** The reply of a case, as the client gets it. */
async function reply<T>(at: number): Promise<T> {
  const { method, reply } = vectors.cases[at]!;
  const func = idlFactory({ IDL })._fields.find(([name]) => name === method)![1];
  const actor = { [method]: () => Promise.resolve(IDL.decode(func.retTypes, fromHex(reply))[0]) };
  const bindings = new Bindings(actor as never) as unknown as Record<string, (args: unknown) => Promise<{ Ok: T }>>;
  return (await bindings[method]!({ prefix: "", from: 0n })).Ok;
}

/** The cases of a method. */
const casesOf = (method: string) => vectors.cases.flatMap((found, at) => (found.method === method ? [at] : []));

function listArgs(at: number): ListArgs {
  const args = vectors.cases[at]!.args as { prefix: string; start_after: string | null; limit: number | null };
  return { prefix: args.prefix, start_after: args.start_after ?? undefined, limit: args.limit ?? undefined };
}

function logArgs(at: number) {
  const { from, limit } = vectors.cases[at]!.args as unknown as { from: number; limit: number };
  return { from: BigInt(from), limit };
}

function check(at: number, found: unknown): Promise<unknown> {
  const { method, args } = vectors.cases[at]!;
  switch (method) {
    case "get_certified":
      return verifier.object(args, found as CertifiedObject);
    case "stat_certified":
      return verifier.info(args, found as CertifiedInfo);
    case "list_certified":
      return verifier.page(listArgs(at), found as CertifiedPage);
    default:
      return verifier.log(logArgs(at), found as CertifiedLogPage);
  }
}

async function refused(at: number, found: unknown, ...problems: VerifyProblem[]): Promise<void> {
  await assert.rejects(check(at, found), (error) => {
    assert.ok(error instanceof VerifyError, String(error));
    if (problems.length > 0) assert.ok(problems.includes(error.problem), `${error.problem}: ${error.message}`);
    return true;
  });
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= 1 << (at % 8);
  return copy;
}

describe("certified replies", () => {
  before(() => mock.timers.enable({ apis: ["Date"], now: vectors.time_ms }));

  it("are accepted as the canister makes them", async () => {
    for (const [at, { method }] of vectors.cases.entries()) {
      const found = await reply<never>(at);
      const accepted = await check(at, found);
      const { object, info, objects, entries } = found as Record<string, unknown>;
      assert.deepEqual(accepted, object ?? info ?? objects ?? entries ?? null, `${method} ${at}`);
    }
  });

  it("are refused with a changed byte of certificate or witness", async () => {
    for (const at of [1, 3, 7, 12]) {
      const good = await reply<{ proof: Proof }>(at);
      for (const part of ["certificate", "witness"] as const) {
        // Each signature takes some milliseconds, so not every byte of the certificate is tried.
        const step = part === "certificate" ? 17 : 1;
        const trusting = new Verifier({ canister: vectors.canister, rootKey: fromHex(vectors.root_key), blsVerify: () => true });
        for (let byte = 0; byte < good.proof[part].length; byte += step) {
          const bad = { ...good, proof: { ...good.proof, [part]: flipped(good.proof[part], byte) } };
          if (part === "certificate") await refused(at, bad);
          else await assert.rejects(trusted(trusting, at, bad), VerifyError, `byte ${byte}`);
        }
      }
    }
  });

  it("are refused with other values and metadata", async () => {
    const good = await reply<CertifiedObject>(0);
    const object = good.object!;
    await refused(0, { ...good, object: { ...object, value: flipped(object.value, 0) } }, "value");
    await refused(0, { ...good, object: { ...object, value: object.value.slice(1) } }, "size");
    const changes: Partial<ObjectInfo>[] = [
      { size: 4n }, { revision: 0n }, { created_ns: 0n }, { modified_ns: 1n << 63n }, { content_type: undefined },
      { content_type: "x".repeat(65_536) }, { content_encoding: "" }, { owner: undefined }, { owner: Principal.anonymous() },
      { metadata: undefined }, { metadata: [] }, { metadata: object.info.metadata!.toReversed() }, { sha256: undefined },
      { sha256: { digest: object.info.sha256!.digest, state: ChecksumState.Declared } },
      { sha256: { digest: object.info.sha256!.digest.slice(1), state: ChecksumState.Verified } },
    ];
    for (const change of changes) {
      await refused(0, { ...good, object: { ...object, info: { ...object.info, ...change } } }, "metadata");
    }
    await refused(0, { ...good, object: { ...object, info: { ...object.info, key: "b/1" } } }, "other-key");
    await refused(0, { ...good, object: undefined }, "omitted");
    const absent = await reply<CertifiedObject>(3);
    const added = { ...object, info: { ...object.info, key: "b/22" } };
    await refused(3, { ...absent, object: added }, "added");
    await refused(3, { ...absent, proof: good.proof }, "not-shown", "not-certified");
  });

  it("prove an absence only under a certified prefix", async () => {
    const absent = await reply<CertifiedObject>(3);
    await assert.rejects(verifier.object("d", { proof: absent.proof }), VerifyError);
    const hidden = await reply<CertifiedObject>(0);
    await assert.rejects(verifier.object("b/2x", { proof: hidden.proof }), VerifyError);
  });

  it("are refused if a page lacks an object, has another one or another order", async () => {
    for (const at of casesOf("list_certified")) {
      const good = await reply<CertifiedPage>(at);
      for (const index of good.objects.keys()) {
        await refused(at, { ...good, objects: good.objects.toSpliced(index, 1) });
        const copy = good.objects[index]!;
        await refused(at, { ...good, objects: good.objects.toSpliced(index, 0, copy) });
        await refused(at, { ...good, objects: good.objects.toSpliced(index, 1, { ...copy, key: `${copy.key}x` }) });
      }
      if (good.objects.length > 1) await refused(at, { ...good, objects: good.objects.toReversed() });
      if (good.next !== undefined) {
        await refused(at, { ...good, next: undefined });
        await refused(at, { ...good, next: "b/1" }, "page");
      }
    }
    const page = await reply<CertifiedPage>(6);
    await assert.rejects(verifier.page({ prefix: "" }, page), VerifyError);
    await assert.rejects(verifier.page({ prefix: "b/", limit: 3 }, page), VerifyError);
    await assert.rejects(verifier.page({ prefix: "b/", delimiter: "/" }, page), VerifyError);
    await assert.rejects(verifier.page({ prefix: "b/" }, await reply<CertifiedPage>(8)), VerifyError);
  });

  it("are refused with other entries of the log", async () => {
    for (const at of casesOf("log_certified")) {
      const good = await reply<CertifiedLogPage>(at);
      await refused(at, { ...good, length: good.length + 1n }, "log");
      for (const index of good.entries.keys()) {
        await refused(at, { ...good, entries: good.entries.with(index, Uint8Array.of(1)) }, "log");
        for (const [step, digest] of good.paths[index]!.entries()) {
          const path = good.paths[index]!.with(step, flipped(digest, step));
          await refused(at, { ...good, paths: good.paths.with(index, path) }, "log");
        }
        await refused(at, { ...good, paths: good.paths.with(index, good.paths[index]!.slice(1)) }, "log");
      }
    }
  });

  it("are refused of another time, canister or network", async () => {
    const good = await reply<CertifiedObject>(0);
    const other = async (options: { canister?: string; rootKey?: Uint8Array }) => {
      const stranger = new Verifier({ canister: vectors.canister, rootKey: fromHex(vectors.root_key), ...options });
      await assert.rejects(stranger.object("b/2", good), (error) => error instanceof VerifyError && error.problem === "certificate");
    };
    await other({ canister: "aaaaa-aa" });
    await other({ canister: "ryjl3-tyaaa-aaaaa-aaaba-cai" });
    await other({ rootKey: flipped(fromHex(vectors.root_key), 132) });
    for (const minutes of [-6, 6]) {
      mock.timers.setTime(vectors.time_ms + minutes * 60_000);
      await other({});
    }
    mock.timers.setTime(vectors.time_ms);
  });

  it("are refused if they are hostile", async () => {
    const good = await reply<CertifiedObject>(0);
    const deep = Uint8Array.from({ length: 20_000 }, (_, at) => (at % 2 ? 0x01 : 0x83));
    const wrong = [[], [5], [0, 0], [1, [0]], [2, "x", [0]], [3], [4, new Uint8Array(31)], "text", null];
    for (const witness of [deep, new Uint8Array(), Uint8Array.of(0x5b, 255, 255, 255), ...wrong.map((node) => Cbor.encode(node))]) {
      await refused(0, { ...good, proof: { ...good.proof, witness } }, "witness");
      await refused(0, { ...good, proof: { ...good.proof, certificate: witness } }, "certificate");
    }
    await refused(0, { ...good, proof: { ...good.proof, witness: new Uint8Array(3 * 1024 * 1024 + 1) } }, "witness");
  });

  it("are what the verified reads of a client return", async () => {
    const service = new Proxy({} as Service, {
      get: (_, method: string) => async (args: never) => {
        const at = casesOf(method).find((at) => method !== "log_certified" || logArgs(at).from === (args as { from: bigint }).from);
        return { __kind__: "Ok", Ok: await reply(at!) };
      },
    });
    const reads = new VerifiedReads(new Caller(service, service, { attempts: 1, firstDelayMs: 0, maxDelayMs: 0 }), verifier);
    assert.equal(new TextDecoder().decode((await reads.get("b/2"))?.value), "b/2");
    assert.equal((await reads.stat("c"))?.key, "c");
    assert.deepEqual((await collect(reads.list("b/"))).map(({ key }) => key), ["b/1", "b/2", "b/3", "b/bare"]);
    assert.equal((await collect(reads.log())).length, 11);
    await assert.rejects(reads.get("b/3"), VerifyError);
  });
});

async function trusted(verifier: Verifier, at: number, found: unknown): Promise<unknown> {
  const { method, args } = vectors.cases[at]!;
  if (method === "list_certified") return verifier.page(listArgs(at), found as CertifiedPage);
  if (method === "log_certified") return verifier.log(logArgs(at), found as CertifiedLogPage);
  return verifier.object(args, found as CertifiedObject);
}
