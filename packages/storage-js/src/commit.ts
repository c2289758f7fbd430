/** Committing an upload, and finding out whether it was committed. */
import type { ObjectInfo, UploadArgs, UploadEnd, Written } from "./bindings/storage.js";
import type { Caller } from "./caller.js";
import { CallError, isStorageError } from "./errors.js";
import { sameMetadata } from "./find.js";
import { sameBytes } from "./hash.js";
import { isPassing } from "./retry.js";

/** What an object that is not there yet counts as. */
const NO_REVISION = 0n;

/**
 * Commits an upload, again where there is no answer. However often it is sent, it is carried out once, because identifiers
 * of uploads are never used twice. The second time there is no such upload; an object newer than what was there `before`
 * shows that the first time made it. It cannot be aborted: a commit that
 * was sent may be carried out.
 */
export async function commitSurely(
  caller: Caller,
  id: bigint,
  args: UploadArgs,
  end: UploadEnd,
  before: bigint | undefined,
): Promise<Written> {
  const attempts = caller.attempts();
  let silence: CallError | undefined;
  for (;;) {
    try {
      return await caller.call("commit_upload", [id, end]);
    } catch (error) {
      const earlier = silence;
      if (isPassing(error) && (await attempts.another())) {
        // A reject says that this time it was not carried out, and nothing about an earlier time.
        silence = error.outcome === "unanswered" ? error : earlier;
        continue;
      }
      if (!earlier) throw error;
      if (isStorageError(error, "NotFound")) {
        const written = before === undefined ? undefined : await committed(caller, args, end, before);
        if (written) return written;
        throw earlier;
      }
      // The last attempt was rejected, and an earlier one may have been carried out.
      throw error instanceof CallError && error.outcome !== "unanswered" ? earlier : error;
    }
  }
}

/** The object that the upload has become, if it certainly has. */
async function committed(
  caller: Caller,
  args: UploadArgs,
  end: UploadEnd,
  before: bigint,
): Promise<Written | undefined> {
  try {
    const info = await caller.agreed("stat", [args.key]);
    return info.revision > before && isOf(info, args, end) ? { revision: info.revision } : undefined;
  } catch {
    return undefined;
  }
}

function isOf(info: ObjectInfo, args: UploadArgs, end: UploadEnd): boolean {
  return (
    info.size === end.size &&
    sameBytes(info.sha256?.digest, end.sha256) &&
    (info.content_type ?? "") === (args.content_type ?? "") &&
    (info.content_encoding ?? "") === (args.content_encoding ?? "") &&
    sameMetadata(info.metadata, args.metadata)
  );
}

/** The revision of the object that an upload will replace, where a commit without an answer will be looked for. */
export async function revisionBeforeCommit(
  caller: Caller,
  key: string,
  signal?: AbortSignal,
): Promise<bigint | undefined> {
  if (!caller.triesAgain) return undefined;
  try {
    return (await caller.agreed("stat", [key], signal)).revision;
  } catch (error) {
    if (isStorageError(error, "NotFound")) return NO_REVISION;
    throw error;
  }
}
