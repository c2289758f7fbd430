/** What an object's SHA-256 says of its bytes. */
import { type Checksum, ChecksumState } from "./bindings/storage.js";

/** The digest that an object has as far as anybody knows: none if the canister computed another one. */
export function heldDigest(checksum: Checksum | undefined): Checksum["digest"] | undefined {
  return checksum?.state === ChecksumState.Mismatch ? undefined : checksum?.digest;
}
