/** Committing an upload, and finding out whether it was committed. */
import type { ObjectInfo, UploadArgs, UploadEnd, Written } from "./bindings/storage.js";
import type { Caller } from "./caller.js";
import { CallError, isStorageError } from "./errors.js";
import { sameMetadata } from "./find.js";
import { sameBytes } from "./hash.js";
import { isPassing } from "./retry.js";

/** What an object that is not there yet counts as. */
const NO_REVISION = 0n;

/** The name of the pair that identifies the upload an object came from, as gateways set it. */
const UPLOAD_PAIR = ":upload";

/** The text of an error for a commit whose outcome is unknown. */
const UNKNOWN =
  "the upload is gone: it was committed, aborted, or has expired. Nothing shows which, because it has no SHA-256; look at the object";

/**
 * Commits an upload, again where there is no answer. However often it is sent, it is executed once, because identifiers
 * of uploads are never used twice. The second time there is no such upload; an object newer than what was there `before`,
 * with the SHA-256 or the identifier of the upload, shows that the first time made it. An object without either is taken for
 * another client's, and the error says that the outcome is not known. A signal cannot cancel it: a commit that was sent may be
 * executed.
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
        if (before === undefined || !isIdentified({ ...args, sha256: end.sha256 })) {
          throw new CallError(earlier.method, "unanswered", UNKNOWN, earlier);
        }
        const written = await committed(caller, args, end, before);
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
    (end.sha256 === undefined || sameBytes(info.sha256?.digest, end.sha256)) &&
    (info.content_type ?? "") === (args.content_type ?? "") &&
    (info.content_encoding ?? "") === (args.content_encoding ?? "") &&
    sameMetadata(info.metadata, args.metadata)
  );
}

/** Whether an object with this SHA-256 or metadata shows that an upload was committed. */
export function isIdentified({ sha256, metadata }: Pick<UploadArgs, "sha256" | "metadata">): boolean {
  return sha256 !== undefined || (metadata ?? []).some(({ name }) => name === UPLOAD_PAIR);
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
