/** Finding an upload to resume. */
import type { Condition, MetadataPair, UploadArgs, UploadCondition, UploadStatus } from "./bindings/storage.js";
import type { Caller } from "./caller.js";
import { heldDigest } from "./checksum.js";
import { atRevision } from "./conditions.js";
import { isStorageError } from "./errors.js";
import { sameBytes } from "./hash.js";

/**
 * The caller's own open upload that was opened with the same arguments, the newest where there are several. The declared
 * SHA-256 makes sure that the chunks which were received are of the same bytes.
 */
export async function findUpload(
  caller: Caller,
  principal: string,
  args: UploadArgs,
  signal?: AbortSignal,
): Promise<UploadStatus | undefined> {
  const condition = await keptCondition(caller, args, signal);
  if (condition === undefined) return undefined;
  const wanted: UploadArgs = { ...args, condition };
  const open = await caller.agreed("list_uploads", [], signal);
  // An admin gets the uploads of others, too.
  const mine = open.filter((status) => status.creator.toText() === principal && mayBeOf(status, wanted));
  mine.sort((one, other) => (one.upload.id < other.upload.id ? 1 : -1));
  for (const { upload } of mine) {
    try {
      const status = await caller.agreed("upload_status", [upload.id], signal);
      if (mayBeOf(status, wanted) && sameMetadata(status.metadata, args.metadata)) return status;
    } catch (error) {
      // It has just been committed, or has expired.
      if (!isStorageError(error, "NotFound")) throw error;
    }
  }
  return undefined;
}

/**
 * The condition as an upload keeps it: the revision of the object that has the SHA-256. If no object has it, there is none, and
 * no upload can be opened.
 */
async function keptCondition(caller: Caller, { key, condition }: UploadArgs, signal?: AbortSignal) {
  if (condition?.__kind__ !== "Sha256") return condition ?? { __kind__: "Any", Any: null } as const;
  try {
    const { sha256, revision } = await caller.agreed("stat", [key], signal);
    return sameBytes(heldDigest(sha256), condition.Sha256) ? atRevision(revision) : undefined;
  } catch (error) {
    if (!isStorageError(error, "NotFound")) throw error;
    return undefined;
  }
}

/** Whether the upload was opened with these arguments; the metadata, which the list leaves out, aside. */
function mayBeOf(status: UploadStatus, args: UploadArgs): boolean {
  return (
    status.upload.key === args.key &&
    status.upload.size === args.size &&
    (status.content_type ?? "") === (args.content_type ?? "") &&
    (status.content_encoding ?? "") === (args.content_encoding ?? "") &&
    sameBytes(status.sha256, args.sha256) &&
    sameCondition(status.condition, args.condition)
  );
}

function sameCondition(one: UploadCondition, other: Condition | undefined): boolean {
  if (one.__kind__ !== (other?.__kind__ ?? "Any")) return false;
  return one.__kind__ !== "Revision" || (other?.__kind__ === "Revision" && one.Revision === other.Revision);
}

/** Whether two objects have the same metadata in the same order. */
export function sameMetadata(one: MetadataPair[] = [], other: MetadataPair[] = []): boolean {
  return (
    one.length === other.length &&
    one.every(({ name, value }, at) => name === other[at]?.name && value === other[at]?.value)
  );
}
