/** Conditions of changes on the object under a key. */
import type { Condition } from "./bindings/storage.js";

/** There must be no object under the key. */
export const absent: Condition = { __kind__: "Absent", Absent: null };

/** The object under the key must have this revision. */
export function atRevision(revision: bigint): Condition {
  return { __kind__: "Revision", Revision: revision };
}

/** The object under the key must have this SHA-256, declared or computed. */
export function withSha256(digest: Uint8Array): Condition {
  return { __kind__: "Sha256", Sha256: digest };
}
