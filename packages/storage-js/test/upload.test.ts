import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { CallError, isStorageError, StorageError, TransferError } from "../src/errors.js";
import { CHUNK_BYTES, MAX_PAYLOAD_BYTES } from "../src/limits.js";
import { absent, atRevision, withSha256 } from "../src/conditions.js";
import type { UploadOptions } from "../src/upload.js";
import type { Progress } from "../src/transfer.js";
import { assertBytes, bytes, FakeCanister, silence, streamOf } from "./fake.js";

const digest = (data: Uint8Array) => new Uint8Array(createHash("sha256").update(data).digest());

describe("upload", () => {
  it("stores sizes around the limits of a call and of chunks, of which only the last is shorter", async () => {
    for (const size of [0, 1, MAX_PAYLOAD_BYTES - 1, MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES + 1, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 1]) {
      for (const source of [bytes(size), new Blob([bytes(size)]), streamOf(bytes(size))]) {
        const canister = new FakeCanister();
        const uploaded = await canister.client().upload("k", source);
        assertBytes(canister.bytesOf("k"), bytes(size), `${size} bytes`);
        assert.equal(uploaded.size, size);
        assert.deepEqual(uploaded.sha256, digest(bytes(size)));
        assert.deepEqual(canister.objects.get("k")?.info.sha256?.digest, digest(bytes(size)));
        const chunks = size > MAX_PAYLOAD_BYTES ? Math.ceil(size / CHUNK_BYTES) : 0;
        assert.equal(canister.count("write_chunk"), chunks, `${size} bytes`);
        assert.equal(canister.uploads.size, 0);
      }
    }
  });

  it("takes a text, and an iterable of pieces of any lengths", async () => {
    const canister = new FakeCanister();
    await canister.client().upload("text", "grüße");
    assert.deepEqual(canister.bytesOf("text"), new TextEncoder().encode("grüße"));
    const all = bytes(2 * CHUNK_BYTES + 77);
    async function* pieces() {
      for (let at = 0; at < all.length; at += 700_001) yield all.subarray(at, at + 700_001);
    }
    await canister.client().upload("pieces", pieces());
    assertBytes(canister.bytesOf("pieces"), all);
  });

  it("sends the description, and a blob's own type", async () => {
    const canister = new FakeCanister();
    const metadata = [{ name: "author", value: "Ada" }];
    for (const size of [10, CHUNK_BYTES + 1]) {
      await canister.client().upload("k", new Blob([bytes(size)], { type: "image/png" }), { metadata, content_encoding: "gzip" });
      const { content_type, content_encoding, metadata: kept } = canister.objects.get("k")!.info;
      assert.deepEqual([content_type, content_encoding, kept], ["image/png", "gzip", metadata]);
    }
    await canister.client().upload("k", new Blob(["x"], { type: "image/png" }), { content_type: "text/plain" });
    assert.equal(canister.objects.get("k")!.info.content_type, "text/plain");
  });

  it("has as many calls under way as it may", async () => {
    for (const concurrency of [1, 3]) {
      const canister = new FakeCanister();
      await canister.client().upload("k", bytes(8 * CHUNK_BYTES), { concurrency });
      assert.equal(canister.mostUnderWay, Math.max(concurrency, 2), "and two before the chunks");
      const streamed = new FakeCanister();
      await streamed.client().upload("k", streamOf(bytes(8 * CHUNK_BYTES)), { concurrency });
      assert.equal(streamed.mostUnderWay, concurrency);
    }
  });

  it("reports its progress: bytes hashed, then bytes that the canister has, never fewer than before", async () => {
    const seen: Progress[] = [];
    const size = 3 * CHUNK_BYTES + 5;
    await new FakeCanister().client().upload("k", bytes(size), { progress: (progress) => seen.push(progress) });
    for (const phase of ["hashing", "sending"] as const) {
      const of = seen.filter((progress) => progress.phase === phase).map((progress) => progress.bytes);
      assert.deepEqual(of, of.toSorted((one, other) => one - other));
      assert.equal(of.at(-1), size);
    }
  });

  it("sends again what was lost or dropped, and stores it once", async () => {
    const canister = new FakeCanister();
    canister.faults = (method, _, nth) => (method === "write_chunk" && nth < 2 ? (nth === 0 ? "lost" : "dropped") : undefined);
    await canister.client().upload("k", bytes(3 * CHUNK_BYTES));
    assertBytes(canister.bytesOf("k"), bytes(3 * CHUNK_BYTES));
    assert.equal(canister.count("write_chunk"), 5);
    assert.equal(canister.revision, 1n);
  });

  it("does not open a second upload or put a second time where there was no answer", async () => {
    for (const [method, size] of [["create_upload", CHUNK_BYTES + 1], ["put_with", 5]] as const) {
      const canister = new FakeCanister();
      canister.faults = (called) => (called === method ? "lost" : undefined);
      await assert.rejects(canister.client().upload("k", bytes(size)), (error: CallError) => error.outcome === "unanswered");
      assert.equal(canister.count(method), 1);
    }
  });

  it("finds out that a commit whose answer was lost was carried out", async () => {
    const canister = new FakeCanister();
    canister.faults = (method, _, nth) => (method === "commit_upload" && nth === 0 ? "lost" : undefined);
    for (const source of [bytes(CHUNK_BYTES + 1), streamOf(bytes(CHUNK_BYTES + 1))]) {
      canister.calls = [];
      const uploaded = await canister.client().upload("k", source);
      assert.equal(uploaded.revision, canister.revision);
    }
    assert.equal(canister.revision, 2n);
  });

  it("does not take somebody else's object for the one of a commit without an answer", async () => {
    const canister = new FakeCanister();
    canister.faults = (method, _, nth) => {
      if (method !== "commit_upload" || nth > 0) return undefined;
      canister.uploads.clear();
      canister.store({ key: "k" }, bytes(3));
      return "dropped";
    };
    await assert.rejects(canister.client().upload("k", bytes(CHUNK_BYTES + 1)), CallError);
  });

  it("stops at a chunk that is refused; the upload of a blob stays open and is resumed, that of a stream is aborted", async () => {
    const canister = new FakeCanister();
    const all = bytes(5 * CHUNK_BYTES);
    const full = { __kind__: "OutOfMemory", OutOfMemory: { requested: 1n, available: 0n } } as const;
    canister.faults = (method, args) => (method === "write_chunk" && args[1] === 2n ? full : undefined);
    const isFull = (error: unknown) => isStorageError(error, "OutOfMemory") && error.fields.requested === 1n;
    await assert.rejects(canister.client().upload("k", streamOf(all)), isFull);
    assert.equal(canister.uploads.size, 0);
    await assert.rejects(canister.client().upload("k", new Blob([all]), { concurrency: 1 }), isFull);
    assert.equal(canister.uploads.size, 1);
    canister.faults = () => undefined;
    canister.calls = [];
    await canister.client().upload("k", new Blob([all]));
    assert.equal(canister.count("write_chunk"), 3);
    assert.equal(canister.count("create_upload"), 0);
    assertBytes(canister.bytesOf("k"), all);
  });

  it("resumes only an upload of the same bytes and arguments", async () => {
    const all = bytes(3 * CHUNK_BYTES);
    const options = { content_type: "a/b", metadata: [{ name: "n", value: "v" }], condition: absent };
    const others: [Uint8Array, UploadOptions][] = [
      [bytes(3 * CHUNK_BYTES, 2), options],
      [bytes(3 * CHUNK_BYTES - 1), options],
      [all, { ...options, content_type: "a/c" }],
      [all, { ...options, metadata: [{ name: "n", value: "w" }] }],
      [all, { ...options, condition: atRevision(0n) }],
      [all, { ...options, resume: false }],
    ];
    for (const [source, changed] of others) {
      const canister = new FakeCanister();
      canister.faults = (method, _, nth) => (method === "commit_upload" && nth < 3 ? "dropped" : undefined);
      await assert.rejects(canister.client().upload("k", all, options), CallError);
      await canister.client().upload("k", source, changed);
      assert.equal(canister.count("create_upload"), 2);
      assert.equal(canister.uploads.size, 1, "the first one is still there");
    }
  });

  it("resumes an upload on the condition of a SHA-256 while the object that has it is the same", async () => {
    const [all, digest] = [bytes(3 * CHUNK_BYTES), new Uint8Array(32).fill(9)];
    for (const isReplaced of [false, true]) {
      const canister = new FakeCanister();
      const upload = () => canister.client().upload("k", all, { condition: withSha256(digest) });
      await assert.rejects(upload(), (error: unknown) => isStorageError(error, "RevisionMismatch"));
      canister.store({ key: "k", sha256: digest }, bytes(3));
      canister.faults = (method, _, nth) => (method === "commit_upload" && nth < 3 ? "dropped" : undefined);
      await assert.rejects(upload(), CallError);
      if (isReplaced) canister.store({ key: "k", sha256: digest }, bytes(3));
      await upload();
      assert.equal(canister.count("create_upload"), isReplaced ? 3 : 2);
      assertBytes(canister.bytesOf("k"), all);
    }
  });

  it("ends when it is aborted, while it hashes, sends or waits for a stream", async () => {
    for (const at of ["hashing", "sending"] as const) {
      const canister = new FakeCanister();
      const abort = new AbortController();
      const progress = (state: Progress) => {
        if (state.phase === at && state.bytes >= CHUNK_BYTES) abort.abort(new Error("enough"));
      };
      const upload = canister.client().upload("k", bytes(6 * CHUNK_BYTES), { signal: abort.signal, progress });
      await assert.rejects(upload, /enough/);
      assert.equal(canister.bytesOf("k"), undefined);
      assert.ok(canister.count("write_chunk") < 6);
      assert.equal(canister.uploads.size, at === "sending" ? 1 : 0);
    }
    const canister = new FakeCanister();
    const abort = new AbortController();
    let cancelled: unknown;
    const endless = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(bytes(2 * CHUNK_BYTES)),
      cancel: (reason) => void (cancelled = reason),
    });
    const progress = () => abort.abort(new Error("enough"));
    await assert.rejects(canister.client().upload("k", endless, { signal: abort.signal, progress }), /enough/);
    assert.match(String(cancelled), /enough/);
    assert.equal(canister.uploads.size, 0, "it was aborted on the canister");
  });

  it("does not begin where the signal is aborted already", async () => {
    const canister = new FakeCanister();
    const upload = canister.client().upload("k", "text", { signal: AbortSignal.abort(new Error("enough")) });
    await assert.rejects(upload, /enough/);
    assert.equal(canister.calls.length, 0);
  });

  it("refuses bytes that are not those that were declared, and a source that fails", async () => {
    const sha256 = digest(bytes(3));
    for (const size of [10, 2 * CHUNK_BYTES]) {
      for (const source of [() => bytes(size), () => streamOf(bytes(size))]) {
        const canister = new FakeCanister();
        const kindOf = (kind: string) => (error: TransferError) => error.problem.kind === kind;
        await assert.rejects(canister.client().upload("k", source(), { sha256 }), kindOf("WrongDigest"));
        await assert.rejects(canister.client().upload("k", source(), { size: size + 1 }), kindOf("SourceEndsEarly"));
        await assert.rejects(canister.client().upload("k", source(), { size: size - 1 }), kindOf("SourceIsLonger"));
        assert.equal(canister.objects.size + canister.uploads.size, 0);
      }
    }
    const canister = new FakeCanister();
    async function* failing() {
      yield bytes(3 * CHUNK_BYTES);
      throw new Error("the disk failed");
    }
    await assert.rejects(canister.client().upload("k", failing()), /the disk failed/);
    assert.equal(canister.uploads.size, 0);
  });

  it("names a wrong argument before anything is sent", async () => {
    const canister = new FakeCanister();
    const client = canister.client();
    const isInvalid = (error: unknown) => isStorageError(error, "InvalidArgument");
    await assert.rejects(client.upload("", "x"), isInvalid);
    await assert.rejects(client.upload("é".repeat(513), "x"), isInvalid);
    await assert.rejects(client.upload("k", "x", { sha256: new Uint8Array(31) }), isInvalid);
    await assert.rejects(client.upload("k", "x", { content_type: "x".repeat(256) }), isInvalid);
    await assert.rejects(client.upload("k", "x", { content_encoding: "x".repeat(65) }), isInvalid);
    const pair = { name: "n", value: "v" };
    for (const metadata of [[pair, pair], [{ name: "", value: "" }], Array.from({ length: 17 }, (_, at) => ({ name: `${at}`, value: "" })), [{ name: "n", value: "x".repeat(2_048) }]]) {
      await assert.rejects(client.upload("k", "x", { metadata }), isInvalid);
    }
    await assert.rejects(client.put("k", bytes(MAX_PAYLOAD_BYTES + 1)), (error: StorageError) => error.is("TooLarge") && error.fields.size === BigInt(MAX_PAYLOAD_BYTES + 1));
    assert.equal(canister.calls.length, 0);
    await client.upload("é".repeat(512), "x");
    assert.ok(silence() instanceof Error);
  });
});
