import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ChecksumState } from "../src/bindings/storage.js";
import { absent } from "../src/conditions.js";
import { CallError, isStorageError } from "../src/errors.js";
import { CHUNK_BYTES } from "../src/limits.js";
import type { Progress } from "../src/transfer.js";
import { assertBytes, bytes, FakeCanister } from "./fake.js";

const CHUNKS = 3;

describe("copy", () => {
  it("copies what one call can in one call, with other metadata where it is given", async () => {
    const canister = new FakeCanister();
    const client = canister.client();
    await client.put("from", "value", { content_type: "a/b" });
    await client.copy("from", "to");
    assert.equal(canister.objects.get("to")?.info.content_type, "a/b");
    await client.copy("from", "to", { metadata: { content_type: "c/d" } });
    assert.equal(canister.objects.get("to")?.info.content_type, "c/d");
    assertBytes(canister.bytesOf("to"), canister.bytesOf("from")!);
    await assert.rejects(client.copy("none", "to"), (error) => isStorageError(error, "NotFound"));
    await assert.rejects(client.copy("from", "to", { condition: absent }), (error) => isStorageError(error, "AlreadyExists"));
    await assert.rejects(client.copy("", "to"), (error) => isStorageError(error, "InvalidArgument"));
    assert.equal(canister.uploads.size, 0);
  });

  it("copies a larger object in steps, also where calls are lost, and keeps its digest", async () => {
    const canister = new FakeCanister();
    const client = canister.client();
    const all = bytes(CHUNKS * CHUNK_BYTES - 7);
    await client.upload("from", all, { content_encoding: "gzip" });
    canister.largestCopy = CHUNK_BYTES;
    canister.faults = (method, _, nth) => (method === "copy_chunks" && nth < 2 ? (nth === 0 ? "lost" : "dropped") : undefined);
    const reports: Progress[] = [];
    const { revision } = await client.copy("from", "to", { progress: (report) => reports.push(report) });
    assertBytes(canister.bytesOf("to"), all);
    const [from, to] = [canister.objects.get("from")!.info, canister.objects.get("to")!.info];
    assert.deepEqual([to.revision, to.content_encoding, to.sha256], [revision, "gzip", from.sha256]);
    assert.deepEqual(reports.at(-1), { phase: "sending", bytes: all.length, size: all.length, upload: 2n });
  });

  it("leaves nothing of a copy that fails", async () => {
    const canister = new FakeCanister();
    const client = canister.client();
    await client.upload("from", bytes(CHUNKS * CHUNK_BYTES));
    canister.largestCopy = CHUNK_BYTES;
    const isMismatch = (error: unknown) => isStorageError(error, "RevisionMismatch");
    await assert.rejects(client.copy("from", "to", { revision: 99n }), isMismatch);
    await assert.rejects(client.copy("from", "to", { sha256: bytes(32) }), isMismatch);
    assert.equal(canister.count("create_upload"), 1);
    const replaced = { __kind__: "RevisionMismatch", RevisionMismatch: { current: 5n } } as const;
    canister.faults = (method, _, nth) => (method === "copy_chunks" && nth === 1 ? replaced : undefined);
    await assert.rejects(client.copy("from", "to"), isMismatch);
    assert.deepEqual([canister.uploads.size, canister.objects.has("to")], [0, false]);
  });

  it("aborts the upload of a copy whose commit is refused", async () => {
    const canister = new FakeCanister();
    const client = canister.client();
    await client.upload("from", bytes(CHUNKS * CHUNK_BYTES));
    canister.largestCopy = CHUNK_BYTES;
    // Somebody else stores an object while the chunks are copied.
    canister.faults = (method) => {
      if (method === "commit_upload") canister.store({ key: "to" }, bytes(1));
      return undefined;
    };
    const isTaken = (error: unknown) => isStorageError(error, "AlreadyExists");
    await assert.rejects(client.copy("from", "to", { condition: absent }), isTaken);
    assert.deepEqual([canister.uploads.size, canister.count("abort_upload")], [0, 1]);
    assertBytes(canister.bytesOf("to"), bytes(1));
  });

  it("takes a digest that the canister found wrong for none", async () => {
    const canister = new FakeCanister();
    const client = canister.client();
    await client.upload("from", bytes(CHUNKS * CHUNK_BYTES));
    canister.largestCopy = CHUNK_BYTES;
    const checksum = canister.objects.get("from")!.info.sha256!;
    const { digest: sha256 } = checksum;
    await client.copy("from", "to", { sha256 });
    assert.deepEqual(canister.objects.get("to")?.info.sha256, checksum);
    checksum.state = ChecksumState.Mismatch;
    await client.copy("from", "to");
    assert.equal(canister.objects.get("to")?.info.sha256, undefined);
    const isMismatch = (error: unknown) => isStorageError(error, "RevisionMismatch");
    await assert.rejects(client.copy("from", "to", { sha256 }), isMismatch);
    assert.equal(canister.uploads.size, 0);
  });

  it("takes an object without a digest for its own only with the identifier of the upload", async () => {
    const canister = new FakeCanister();
    const client = canister.client();
    await client.upload("from", bytes(CHUNKS * CHUNK_BYTES));
    canister.largestCopy = CHUNK_BYTES;
    canister.objects.get("from")!.info.sha256 = undefined;
    let commits = 0;
    canister.faults = (method) => (method === "commit_upload" && commits++ === 0 ? "lost" : undefined);
    const isUnknown = (error: unknown) => error instanceof CallError && error.outcome === "unanswered" && /no SHA-256/.test(error.message);
    await assert.rejects(client.copy("from", "to"), isUnknown);
    commits = 0;
    const metadata = [{ name: ":upload", value: "0123" }];
    const { revision } = await client.copy("from", "to", { metadata: { metadata } });
    assert.deepEqual([canister.objects.get("to")?.info.revision, commits], [revision, 2]);
    // Somebody else's object of the same size is not taken for the copy.
    commits = 0;
    canister.faults = (method) => {
      if (method !== "commit_upload" || commits++ > 0) return undefined;
      canister.uploads.clear();
      canister.store({ key: "to" }, bytes(CHUNKS * CHUNK_BYTES, 2));
      return "dropped";
    };
    const isSilence = (error: unknown) => error instanceof CallError && error.outcome === "unanswered";
    await assert.rejects(client.copy("from", "to", { metadata: { metadata } }), isSilence);
  });
});
