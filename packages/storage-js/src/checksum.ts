/** The state of an object's SHA-256. */
import { type Checksum, ChecksumState } from "./bindings/storage.js";

/** The declared or computed digest of an object; none if the canister computed another one than was declared. */
export function heldDigest(checksum: Checksum | undefined): Checksum["digest"] | undefined {
  return checksum?.state === ChecksumState.Mismatch ? undefined : checksum?.digest;
}
