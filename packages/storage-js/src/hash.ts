/** SHA-256 of bytes that come piece after piece; the browser's own can only hash what is all there. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

/** Computes the SHA-256 of the pieces that it is given. */
export class Hasher {
  readonly #hash = sha256.create();

  update(piece: Uint8Array): void {
    this.#hash.update(piece);
  }

  /** The digest of all pieces. Nothing can be added after it. */
  digest(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#hash.digest());
  }
}

/** The SHA-256 of bytes. */
export function digestOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(sha256(bytes));
}

/** Bytes in hexadecimal. */
export function hex(bytes: Uint8Array): string {
  return bytesToHex(bytes);
}

/** Whether two sequences of bytes are the same; where both are missing, they are. */
export function sameBytes(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (!one || !other) return one === other;
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
