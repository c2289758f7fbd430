/** Copies that the canister makes: no byte of them is sent. */
import type { CopyMetadata, CopySource, Condition, ObjectInfo, UploadArgs, Written } from "./bindings/storage.js";
import type { Caller } from "./caller.js";
import { checkDescription, checkKey } from "./check.js";
import { heldDigest } from "./checksum.js";
import { commitSurely, isIdentified, revisionBeforeCommit } from "./commit.js";
import { isStorageError, StorageError, TransferError } from "./errors.js";
import { sameBytes } from "./hash.js";
import { CHUNK_BYTES } from "./limits.js";
import type { TransferOptions } from "./transfer.js";

/** How an object is copied. */
export interface CopyOptions extends Pick<TransferOptions, "signal" | "progress"> {
  /** What must hold of the object under the new key for it to be replaced. */
  condition?: Condition;
  /** The revision that the source must have. */
  revision?: bigint;
  /** The SHA-256 that the source must have. */
  sha256?: Uint8Array;
  /** The metadata of the copy, all of it; that of the source by default. */
  metadata?: CopyMetadata;
}

/** Copies an object in one call, or in steps of 64 MiB where it has more bytes. */
export async function copy(caller: Caller, from: string, to: string, options: CopyOptions): Promise<Written> {
  checkKey("copy", from);
  checkKey("copy", to);
  const { signal, progress, ...given } = options;
  checkDescription("copy", { ...given.metadata, sha256: given.sha256 });
  signal?.throwIfAborted();
  try {
    return await caller.call("copy", [{ ...given, from, to }], signal);
  } catch (error) {
    if (!isStorageError(error, "TooLarge")) throw error;
  }
  const info = await caller.agreed("stat", [from], signal);
  checkSource(info, options);
  const { content_type, content_encoding, metadata } = options.metadata ?? info;
  const args: UploadArgs = {
    key: to, size: info.size, content_type, content_encoding, metadata,
    sha256: heldDigest(info.sha256), condition: options.condition,
  };
  return copyInSteps(caller, { key: from, revision: info.revision }, args, options);
}

/** Fills an upload with the chunks of an object and commits it. An upload whose copy or commit fails is aborted. */
async function copyInSteps(
  caller: Caller,
  source: CopySource,
  args: UploadArgs,
  { signal, progress }: CopyOptions,
): Promise<Written> {
  const size = args.size ?? 0n;
  const before = isIdentified(args) ? await revisionBeforeCommit(caller, args.key, signal) : undefined;
  const { id } = await caller.call("create_upload", [args], signal);
  try {
    for (let received = 0n; received < size; ) {
      const first = received / BigInt(CHUNK_BYTES);
      const offset = first * BigInt(CHUNK_BYTES);
      const step = await caller.call("copy_chunks", [id, first, [{ ...source, offset }]], signal);
      if (step.received <= received) {
        throw new TransferError({ kind: "WrongLength", offset: received, expected: Number(size - received), found: 0 });
      }
      received = step.received;
      progress?.({ phase: "sending", bytes: Number(received), size: Number(size), upload: id });
    }
    signal?.throwIfAborted();
    return await commitSurely(caller, id, args, { size, sha256: args.sha256 }, before);
  } catch (error) {
    // If it cannot be aborted, it expires.
    await caller.call("abort_upload", [id]).catch(() => undefined);
    throw error;
  }
}

/** Checks the source as the canister does. */
function checkSource(info: ObjectInfo, { revision, sha256 }: CopyOptions): void {
  const isExpected =
    (revision === undefined || revision === info.revision) &&
    (sha256 === undefined || sameBytes(sha256, heldDigest(info.sha256)));
  if (isExpected) return;
  throw new StorageError("copy", { __kind__: "RevisionMismatch", RevisionMismatch: { current: info.revision } });
}
