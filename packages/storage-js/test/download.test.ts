import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { isStorageError, TransferError } from "../src/errors.js";
import { CHUNK_BYTES } from "../src/limits.js";
import type { Progress } from "../src/transfer.js";
import { assertBytes, bytes, collect, FakeCanister } from "./fake.js";

const digest = (data: Uint8Array) => new Uint8Array(createHash("sha256").update(data).digest());

function holding(size: number, sha256 = digest(bytes(size))): FakeCanister {
  const canister = new FakeCanister();
  canister.store({ key: "k", content_type: "text/plain", sha256 }, bytes(size));
  return canister;
}

describe("download", () => {
  it("gives the bytes of objects around the limits of a reply", async () => {
    for (const size of [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7]) {
      const canister = holding(size);
      const download = await canister.client().download("k");
      assert.equal(download.size, size);
      assertBytes(await download.bytes(), bytes(size));
      assert.equal(canister.count("read"), Math.ceil(size / CHUNK_BYTES));
    }
  });

  it("gives a blob with its type, and a text", async () => {
    const canister = holding(0);
    canister.store({ key: "t", content_type: "text/plain" }, new TextEncoder().encode("grüße"));
    const blob = await (await canister.client().download("t")).blob();
    assert.deepEqual([blob.type, await blob.text()], ["text/plain", "grüße"]);
    assert.equal(await (await canister.client().download("t")).text(), "grüße");
  });

  it("gives ranges, and names one that is not within the object", async () => {
    const size = 2 * CHUNK_BYTES + 10;
    const client = holding(size).client();
    for (const [offset, length] of [[0, 1], [5, CHUNK_BYTES + 3], [size - 1, 1], [size, 0], [CHUNK_BYTES, undefined]] as const) {
      const range = await (await client.download("k", { offset, length })).bytes();
      assertBytes(range, bytes(size).subarray(offset, length === undefined ? size : offset + length));
    }
    for (const [offset, length] of [[size, 1], [size + 1, undefined], [-1, 1], [0, size + 1]] as const) {
      await assert.rejects(client.download("k", { offset, length }), (error) => isStorageError(error, "OutOfRange"));
    }
  });

  it("fetches nothing before it is read, and a bounded number of ranges ahead", async () => {
    const canister = holding(10 * CHUNK_BYTES);
    const { stream } = await canister.client().download("k", { concurrency: 3 });
    assert.equal(canister.count("read"), 0);
    const reader = stream.getReader();
    await reader.read();
    assert.equal(canister.count("read"), 3);
    await reader.read();
    assert.equal(canister.count("read"), 4);
    await reader.cancel();
    assert.equal(canister.count("read"), 4);
    assert.equal(canister.mostUnderWay, 3);
  });

  it("fails before its last bytes where they do not have the declared SHA-256", async () => {
    const canister = holding(2 * CHUNK_BYTES, digest(bytes(1)));
    const { stream } = await canister.client().download("k");
    const reader = stream.getReader();
    assert.equal((await reader.read()).value?.length, CHUNK_BYTES);
    await assert.rejects(reader.read(), (error: TransferError) => error.problem.kind === "WrongDigest");
    // A range cannot be verified.
    const range = await canister.client().download("k", { offset: 1 });
    assert.equal((await range.bytes()).length, 2 * CHUNK_BYTES - 1);
  });

  it("fails where the object is overwritten meanwhile, and never mixes two versions", async () => {
    const canister = holding(3 * CHUNK_BYTES);
    const { stream } = await canister.client().download("k", { concurrency: 1 });
    const reader = stream.getReader();
    await reader.read();
    canister.store({ key: "k" }, bytes(3 * CHUNK_BYTES, 2));
    await assert.rejects(reader.read(), (error) => isStorageError(error, "RevisionMismatch") && error.fields.current === 2n);
  });

  it("asks all nodes where one has not seen the object, or an older version of it", async () => {
    for (const before of [undefined, bytes(5, 7)]) {
      const canister = new FakeCanister();
      if (before) canister.store({ key: "k" }, before);
      const old = canister.objects.get("k");
      canister.store({ key: "k" }, bytes(CHUNK_BYTES + 1));
      const info = canister.objects.get("k")!.info;
      canister.lagging = () => old;
      const download = await canister.client().download("k", { info });
      assertBytes(await download.bytes(), bytes(CHUNK_BYTES + 1));
      assert.deepEqual(await canister.client().statSince("k", info.revision), info);
    }
  });

  it("fails where all nodes have nothing under the key, and with the answer of one where the others may not be asked", async () => {
    const canister = new FakeCanister();
    await assert.rejects(canister.client().download("k"), (error) => isStorageError(error, "NotFound"));
    assert.deepEqual(canister.calls.map((call) => call.agreed), [false, true]);
    canister.faults = (_, __, nth) =>
      nth % 2 === 1 ? ({ __kind__: "Unauthorized", Unauthorized: { needed: "Reader" } } as never) : undefined;
    canister.calls = [];
    await assert.rejects(canister.client().download("k"), (error) => isStorageError(error, "NotFound"));
  });

  it("reads again what was not answered, and fails after as many attempts as it has", async () => {
    const canister = holding(CHUNK_BYTES + 1);
    canister.faults = (method, _, nth) => (method === "read" && nth < 2 ? "dropped" : undefined);
    assertBytes(await (await canister.client(3).download("k")).bytes(), bytes(CHUNK_BYTES + 1));
    canister.faults = (method) => (method === "read" ? "dropped" : undefined);
    const download = await canister.client(3).download("k", { concurrency: 1 });
    canister.calls = [];
    await assert.rejects(download.bytes(), /no answer/);
    assert.equal(canister.count("read"), 3);
  });

  it("ends when it is aborted", async () => {
    const canister = holding(5 * CHUNK_BYTES);
    const abort = new AbortController();
    const seen: Progress[] = [];
    const progress = (one: Progress) => {
      seen.push(one);
      abort.abort(new Error("enough"));
    };
    const { stream } = await canister.client().download("k", { signal: abort.signal, progress, concurrency: 1 });
    await assert.rejects(collect(stream), /enough/);
    assert.deepEqual(seen, [{ phase: "receiving", bytes: CHUNK_BYTES, size: 5 * CHUNK_BYTES }]);
  });

  it("notices a reply of another length", async () => {
    const canister = holding(10);
    canister.objects.get("k")!.info.size = 11n;
    const download = await canister.client().download("k");
    await assert.rejects(download.bytes(), (error: TransferError) => error.problem.kind === "WrongLength");
  });
});
