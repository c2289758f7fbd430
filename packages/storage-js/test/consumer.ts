// What somebody writes who has installed the package. scripts/web.sh compiles and runs it outside of this repository.
import { absent, isStorageError, limits, Role, StorageClient, type Uploaded } from "stable-storage-client";
import { createActor } from "stable-storage-client/bindings";

/** Stores a file unless there is one, and returns what was stored. */
export async function publish(storage: StorageClient, key: string, file: Blob): Promise<Uploaded | undefined> {
  try {
    return await storage.upload(key, file, { condition: absent, metadata: [{ name: "by", value: storage.principal.toText() }] });
  } catch (error) {
    if (!isStorageError(error, "TooLarge")) throw error;
    const { size, limit }: { size: bigint; limit: bigint } = error.fields;
    throw new RangeError(`${size} > ${limit}`);
  }
}

if (limits.CHUNK_BYTES !== 2_031_616 || Role.Writer !== "Writer" || typeof createActor !== "function") {
  throw new Error("the package does not export what it says");
}
