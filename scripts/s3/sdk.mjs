// The AWS SDK for JavaScript with its defaults: the bucket is in the host name, checksums are sent and verified.
// Arguments: the URL of the gateway, and the folder with node_modules.

import assert from "node:assert/strict";
import crypto from "node:crypto";
import http from "node:http";
import { createRequire } from "node:module";
import { Readable } from "node:stream";

const [url, tools] = process.argv.slice(2);
const require = createRequire(`${tools}/`);
const s3 = require("@aws-sdk/client-s3");
const { Upload } = require("@aws-sdk/lib-storage");
const { getSignedUrl } = require("@aws-sdk/s3-request-presigner");

// Every name below localhost is this machine (RFC 6761), also where the resolver does not know that.
const address = { address: "127.0.0.1", family: 4 };
const lookup = (_name, options, done) =>
  options.all ? done(null, [address]) : done(null, address.address, address.family);
const options = {
  endpoint: `http://localhost:${new URL(url).port}`,
  region: "us-east-1",
  credentials: { accessKeyId: "WRITER", secretAccessKey: "secret of the writer" },
  maxAttempts: 1,
  requestHandler: { httpAgent: new http.Agent({ lookup }) },
};
const client = new s3.S3Client(options);
const [Bucket, other] = ["sdk-one", "sdk-two"];
const send = (Command, input) => client.send(new Command({ Bucket, ...input }));
const text = async (input) => (await send(s3.GetObjectCommand, { ChecksumMode: "ENABLED", ...input })).Body.transformToString();

// A key that starts with the name of another bucket is not in that bucket.
async function buckets() {
  await send(s3.CreateBucketCommand);
  await send(s3.CreateBucketCommand, { Bucket: other });
  await send(s3.PutObjectCommand, { Bucket: other, Key: "x", Body: "of the other" });
  await send(s3.PutObjectCommand, { Key: `${other}/x`, Body: "of this one" });
  assert.equal(await text({ Bucket: other, Key: "x" }), "of the other");
  assert.equal(await text({ Key: `${other}/x` }), "of this one");
  await send(s3.DeleteObjectCommand, { Key: `${other}/x` });
  assert.equal(await text({ Bucket: other, Key: "x" }), "of the other");
}

// A stream whose length is not known, in parts of 5 MiB.
async function streams() {
  const bytes = crypto.randomBytes((12 << 20) + 1);
  const pieces = Array.from({ length: 13 }, (_, number) => bytes.subarray(number << 20, (number + 1) << 20));
  const params = { Bucket, Key: "a stream/ä+&=", Body: Readable.from(pieces), ContentType: "application/x-test" };
  const done = await new Upload({ client, params, queueSize: 3, partSize: 5 << 20 }).done();
  assert.ok(done.Location.startsWith(`http://${Bucket}.localhost:`), done.Location);
  const got = await send(s3.GetObjectCommand, { Key: params.Key, ChecksumMode: "ENABLED" });
  assert.ok(bytes.equals(await got.Body.transformToByteArray()));
  assert.equal(got.ContentType, "application/x-test");
}

async function conditions() {
  const put = (Body, condition) => send(s3.PutObjectCommand, { Key: "once", Body, ...condition });
  const { ETag } = await put("first", { IfNoneMatch: "*" });
  await assert.rejects(put("second", { IfNoneMatch: "*" }), { name: "PreconditionFailed" });
  await put("third", { IfMatch: ETag });
  await assert.rejects(put("fourth", { IfMatch: ETag }), { name: "PreconditionFailed" });
  assert.equal(await text({ Key: "once" }), "third");
}

// With its defaults, the SDK presigns the checksum of no bytes.
async function presigned() {
  const presigning = new s3.S3Client({ ...options, forcePathStyle: true, requestChecksumCalculation: "WHEN_REQUIRED" });
  const sign = (Command) => getSignedUrl(presigning, new Command({ Bucket, Key: "signed" }));
  const put = await fetch(await sign(s3.PutObjectCommand), { method: "PUT", body: "by a URL" });
  assert.equal(put.status, 200);
  assert.equal(await (await fetch(await sign(s3.GetObjectCommand))).text(), "by a URL");
}

// Removes everything, in pages of two keys.
async function remove(Bucket) {
  const Objects = [];
  for await (const page of s3.paginateListObjectsV2({ client }, { Bucket, MaxKeys: 2 })) {
    Objects.push(...(page.Contents ?? []).map(({ Key }) => ({ Key })));
  }
  const { Errors } = await send(s3.DeleteObjectsCommand, { Bucket, Delete: { Objects } });
  assert.equal(Errors, undefined);
  await send(s3.DeleteBucketCommand, { Bucket });
  return Objects.length;
}

await buckets();
await streams();
await conditions();
await presigned();
assert.equal(await remove(Bucket), 3);
assert.equal(await remove(other), 1);
client.destroy();
