/** The client against `storage serve`: signatures, certificates and roles are real. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { IC_ROOT_KEY } from "@icp-sdk/core/agent";
import { Ed25519KeyIdentity } from "@icp-sdk/core/identity";
import { absent, atRevision, CallError, ChecksumState, isStorageError, limits, Role, StorageClient, VerifyError } from "../src/index.js";
import { bytes, collect } from "../test/fake.js";
import { serve, type Served } from "./serve.js";

const { CHUNK_BYTES } = limits;
const IC_ROOT_KEY_BYTES = new Uint8Array(Buffer.from(IC_ROOT_KEY, "hex"));
const digest = (data: Uint8Array) => new Uint8Array(createHash("sha256").update(data).digest());

describe("a served store", () => {
  const [adminKey, writerKey] = [Ed25519KeyIdentity.generate(), Ed25519KeyIdentity.generate()];
  let served: Served;
  let admin: StorageClient;
  let writer: StorageClient;
  let anonymous: StorageClient;

  const client = (identity?: Ed25519KeyIdentity, fetch = globalThis.fetch) =>
    StorageClient.connect({ canister: served.canister, network: served.url, identity, fetch });

  before(async () => {
    served = await serve({ controllers: [adminKey.getPrincipal().toText()] });
    [admin, writer, anonymous] = await Promise.all([client(adminKey), client(writerKey), client()]);
  });
  after(() => served.stop());

  it("gives an Ed25519 identity what its role allows, and no more", async () => {
    const isUnauthorized = (error: unknown) => isStorageError(error, "Unauthorized");
    await assert.rejects(writer.put("k", "v"), (error) => isUnauthorized(error) && isStorageError(error, "Unauthorized") && error.fields.needed === Role.Writer);
    await assert.rejects(writer.get("k"), isUnauthorized);
    await assert.rejects(writer.setRole(writer.principal, Role.Admin), isUnauthorized);
    await admin.setRole(writer.principal, Role.Writer);
    await writer.put("k", "v");
    assert.deepEqual((await admin.roles()).map(({ who, role }) => [who.toText(), role]), [[writer.principal.toText(), Role.Writer]]);
    assert.equal((await admin.stat("k")).owner?.toText(), writer.principal.toText());
    await assert.rejects(anonymous.get("k"), isUnauthorized);
    await admin.configure({ public_read: true });
    assert.deepEqual(await anonymous.get("k"), new TextEncoder().encode("v"));
    await admin.configure({ public_read: false });
    await assert.rejects(anonymous.get("k"), isUnauthorized);
  });

  it("stores and reads small objects, with conditions", async () => {
    const metadata = [{ name: "author", value: "Ada" }];
    const first = await writer.put("small", "one", { content_type: "text/plain", metadata, condition: absent });
    await assert.rejects(writer.put("small", "x", { condition: absent }), (error) => isStorageError(error, "AlreadyExists"));
    const second = await writer.put("small", "two", { condition: atRevision(first.revision) });
    await assert.rejects(writer.put("small", "x", { condition: atRevision(first.revision) }), (error) =>
      isStorageError(error, "RevisionMismatch") && error.fields.current === second.revision);
    const { info, value } = await writer.getWithInfo("small");
    assert.deepEqual([new TextDecoder().decode(value), info.revision, info.metadata], ["two", second.revision, undefined]);
    await writer.putMany([{ key: "many/a", value: "a" }, { key: "many/b", value: "b" }]);
    const values = await writer.getMany(["many/b", "many/none", "many/a"]);
    assert.deepEqual(values.map((found) => found && new TextDecoder().decode(found)), ["b", null, "a"]);
    await writer.rename("many/a", "many/c");
    assert.deepEqual(await writer.deleteMany([{ key: "many/b" }, { key: "many/none" }]), [true, false]);
    assert.equal(await writer.delete("many/none"), false);
    assert.equal((await writer.takeFirst("many/"))?.key, "many/c");
    await assert.rejects(writer.get("many/c"), (error) => isStorageError(error, "NotFound"));
  });

  it("stores a large object in chunks, verified by its digest, and gives ranges of it", async () => {
    const all = bytes(3 * CHUNK_BYTES + 12_345);
    const uploaded = await writer.upload("large", new Blob([all], { type: "video/mp4" }));
    assert.deepEqual(uploaded.sha256, digest(all));
    const info = await writer.statSince("large", uploaded.revision);
    const copied = await writer.copy("large", "copy", { condition: absent });
    assert.deepEqual((await writer.statSince("copy", copied.revision)).sha256, info.sha256);
    assert.equal(await writer.delete("copy"), true);
    assert.deepEqual([info.size, info.content_type, info.sha256?.state], [BigInt(all.length), "video/mp4", ChecksumState.Declared]);
    assert.equal(await writer.verify("large"), ChecksumState.Verified);
    assert.deepEqual(digest(await (await writer.download("large")).bytes()), digest(all));
    const range = await writer.download("large", { offset: CHUNK_BYTES - 5, length: 10 });
    assert.deepEqual(await range.bytes(), all.slice(CHUNK_BYTES - 5, CHUNK_BYTES + 5));
    const streamed = await writer.upload("streamed", new Blob([all]).stream());
    assert.deepEqual([streamed.size, digest(await (await writer.download("streamed")).bytes())], [all.length, digest(all)]);
    assert.equal(await writer.deletePrefix("streamed"), 1n);
  });

  it("resumes an upload that was aborted, in another client of the same identity", async () => {
    const all = bytes(4 * CHUNK_BYTES, 9);
    const abort = new AbortController();
    const progress = ({ bytes: sent, upload }: { bytes: number; upload?: bigint }) => {
      if (upload !== undefined && sent >= CHUNK_BYTES) abort.abort(new Error("enough"));
    };
    await assert.rejects(writer.upload("resumed", new Blob([all]), { signal: abort.signal, progress, concurrency: 1 }), /enough/);
    const [open] = await writer.uploads();
    assert.ok(open && open.upload.key === "resumed" && open.received >= CHUNK_BYTES);
    const ids: bigint[] = [];
    await (await client(writerKey)).upload("resumed", new Blob([all]), { progress: ({ upload }) => upload !== undefined && ids.push(upload) });
    assert.deepEqual([...new Set(ids)], [open.upload.id]);
    assert.deepEqual(digest(await (await writer.download("resumed")).bytes()), digest(all));
    assert.deepEqual(await writer.uploads(), []);
  });

  it("lists folders and objects, page after page, forwards and backwards", async () => {
    const names = Array.from({ length: 25 }, (_, at) => `list/${String(at).padStart(2, "0")}`);
    await writer.putMany([...names, "list/05/deep", "list/zz/deep"].map((key) => ({ key, value: key })));
    const keys = async (options: object) => (await collect(writer.list("list/", options))).map(({ key }) => key);
    const level = ["list/00", ...names.slice(1, 6), "list/05/", ...names.slice(6), "list/zz/"];
    assert.deepEqual(await keys({ delimiter: "/", page: 4 }), level);
    assert.deepEqual(await keys({ delimiter: "/", page: 4, descending: true }), level.toReversed());
    assert.equal((await keys({ page: 10 })).length, 27);
    assert.deepEqual(await keys({ start_after: "list/23" }), ["list/24", "list/zz/deep"]);
    const scanned = await collect(writer.scan("list/0", { page: 3 }));
    assert.ok(scanned.length === 11 && scanned.every(({ key, value }) => key === new TextDecoder().decode(value)));
  });

  it("appends to the log, and follows it", async () => {
    assert.deepEqual(await writer.append("one", "two"), { first: 0n, next: 2n });
    await writer.call("log", "three");
    assert.deepEqual(await writer.readLast(2), ["three", "two"]);
    assert.deepEqual((await collect(writer.readLog({ page: 2 }))).map(({ text }) => text), ["one", "two", "three"]);
    const seen: string[] = [];
    for await (const { text } of writer.followLog({ from: 2n, interval: 10 })) {
      seen.push(text);
      if (text === "four") break;
      await writer.append("four");
    }
    assert.deepEqual(seen, ["three", "four"]);
    assert.equal((await writer.logInfo()).length, 4n);
  });

  it("certifies objects and the log, and verifies what it reads of them", async () => {
    await writer.put("certified/a", "one");
    await admin.setCertified("certified/", true);
    assert.deepEqual(await admin.certifiedPrefixes(), [{ prefix: "certified/", complete: false }]);
    assert.equal((await writer.certify("certified/")).items, 1n);
    await writer.put("certified/b", "two", { content_type: "text/plain" });
    const reads = writer.verified();
    assert.equal(new TextDecoder().decode((await reads.get("certified/b"))?.value), "two");
    assert.equal(await reads.get("certified/c"), null);
    assert.equal((await reads.stat("certified/a"))?.sha256?.state, ChecksumState.Verified);
    assert.deepEqual((await collect(reads.list("certified/", { page: 1 }))).map(({ key }) => key), ["certified/a", "certified/b"]);
    assert.equal(await (await reads.download("certified/a"))?.text(), "one");
    await assert.rejects(reads.get("elsewhere"), (error) => isStorageError(error, "InvalidArgument"));
    await writer.append("first", "second");
    await admin.certifyLog();
    await writer.append("third");
    const entries = await collect(reads.log({ page: 2 }));
    assert.deepEqual(entries.slice(-3).map(({ text }) => text), ["first", "second", "third"]);
    const mainnet = writer.verified({ rootKey: IC_ROOT_KEY_BYTES });
    await assert.rejects(mainnet.get("certified/a"), (error) => error instanceof VerifyError && error.problem === "certificate");
  });

  it("has a status and settings, and every method of the contract by its name", async () => {
    const status = await writer.status();
    assert.ok(status.objects > 0n && status.capacity_bytes > 0n);
    assert.equal((await admin.configure({ max_uploads: 7n })).max_uploads, 7n);
    const region = await writer.call("region_new");
    assert.equal(await writer.call("region_grow", region.id, 1n), 0n);
    await writer.call("region_store", region.id, [{ offset: 8n, value: { __kind__: "Nat64", Nat64: 77n } }]);
    assert.deepEqual(await writer.call("region_load_blob", region.id, 8n, 2n), new Uint8Array([77, 0]));
  });

  it("is not believed where a reply was changed on the way, or is signed by another key", async () => {
    const forging: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (!String(input).endsWith("/query")) return response;
      const body = new Uint8Array(await response.arrayBuffer());
      const at = Buffer.from(body).indexOf("small");
      assert.ok(at > 0);
      body[at] = "S".charCodeAt(0);
      return new Response(body, { status: response.status });
    };
    await writer.put("small", "v");
    const fooled = StorageClient.connect({ canister: served.canister, network: served.url, identity: writerKey, fetch: forging, retry: { attempts: 1, firstDelayMs: 0, maxDelayMs: 0 } });
    await assert.rejects((await fooled).stat("small"), (error: CallError) => /signature/i.test(error.message));
    const rootKey = new Uint8Array(Buffer.from(IC_ROOT_KEY, "hex"));
    const strict = await StorageClient.connect({ canister: served.canister, network: served.url, identity: writerKey, rootKey, retry: { attempts: 1, firstDelayMs: 0, maxDelayMs: 0 } });
    await assert.rejects(strict.put("small", "v"), (error: CallError) => error.outcome === "unanswered");
    await assert.rejects(strict.stat("small"), CallError);
  });

  it("refuses a canister that is not there, and says that a server which has gone does not answer", async () => {
    const elsewhere = await StorageClient.connect({ canister: "ryjl3-tyaaa-aaaaa-aaaba-cai", network: served.url });
    await assert.rejects(elsewhere.put("k", "v"), (error: CallError) => error.outcome === "refused" || error.outcome === "rejected");
    const gone = await serve();
    const orphan = await StorageClient.connect({ canister: gone.canister, network: gone.url, retry: { attempts: 1, firstDelayMs: 0, maxDelayMs: 0 } });
    await gone.stop();
    await assert.rejects(orphan.stat("k"), (error: CallError) => error.outcome === "unanswered");
  });
});
