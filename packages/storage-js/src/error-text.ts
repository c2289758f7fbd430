/**
 * The contract's error as text, and back. A message that `inspect_message` drops, and a method whose reply has no place
 * for an error, answer with the text alone. The texts are those of `crates/api/error-texts.txt`.
 */
import { type Error_, Role } from "./bindings/storage.js";

/** An error as the canister writes it. */
export function textOf(error: Error_): string {
  switch (error.__kind__) {
    case "NotFound":
      return "not found";
    case "AlreadyExists":
      return "already exists";
    case "RevisionMismatch": {
      const { current } = error.RevisionMismatch;
      const what = current === undefined ? "there is no such object" : `the object is at revision ${current}`;
      return `revision mismatch: ${what}`;
    }
    case "Unauthorized":
      return `unauthorized: this needs the role ${error.Unauthorized.needed}`;
    case "InvalidArgument":
      return `invalid argument: ${error.InvalidArgument.what}`;
    case "TooLarge":
      return `too large: ${error.TooLarge.size} bytes, the limit is ${error.TooLarge.limit}`;
    case "OutOfMemory": {
      const { requested, available } = error.OutOfMemory;
      return `out of memory: ${requested} more bytes of stable memory are needed, ${available} are available`;
    }
    case "LimitExceeded":
      return `limit exceeded: at most ${error.LimitExceeded.limit} ${error.LimitExceeded.what}`;
    case "Incomplete":
      return `incomplete: chunk ${error.Incomplete.first_missing} has not been received`;
    case "OutOfRange": {
      const { offset, length, size } = error.OutOfRange;
      return `out of range: ${length} at ${offset}, beyond the size ${size}`;
    }
    case "Corrupted":
      return `corrupted: ${error.Corrupted.what} at offset ${error.Corrupted.offset}`;
    case "ChunkConflict":
      return `chunk conflict: chunk ${error.ChunkConflict.index} was received with other bytes`;
  }
}

/** A text of the canister, and the error that it is. `s` lets a dot match the end of a line, too. */
const TEXTS: readonly [RegExp, (...groups: string[]) => Error_][] = [
  [/^not found$/, () => ({ __kind__: "NotFound", NotFound: null })],
  [/^already exists$/, () => ({ __kind__: "AlreadyExists", AlreadyExists: null })],
  [
    /^revision mismatch: there is no such object$/,
    () => ({ __kind__: "RevisionMismatch", RevisionMismatch: {} }),
  ],
  [
    /^revision mismatch: the object is at revision (\d+)$/,
    (current) => ({ __kind__: "RevisionMismatch", RevisionMismatch: { current: BigInt(current!) } }),
  ],
  [
    /^unauthorized: this needs the role (Reader|Writer|Admin)$/,
    (role) => ({ __kind__: "Unauthorized", Unauthorized: { needed: Role[role as keyof typeof Role] } }),
  ],
  [
    /^invalid argument: (.*)$/s,
    (what) => ({ __kind__: "InvalidArgument", InvalidArgument: { what: what! } }),
  ],
  [
    /^too large: (\d+) bytes, the limit is (\d+)$/,
    (size, limit) => ({ __kind__: "TooLarge", TooLarge: { size: BigInt(size!), limit: BigInt(limit!) } }),
  ],
  [
    /^out of memory: (\d+) more bytes of stable memory are needed, (\d+) are available$/,
    (requested, available) => ({
      __kind__: "OutOfMemory",
      OutOfMemory: { requested: BigInt(requested!), available: BigInt(available!) },
    }),
  ],
  [
    /^limit exceeded: at most (\d+) (.*)$/s,
    (limit, what) => ({ __kind__: "LimitExceeded", LimitExceeded: { what: what!, limit: BigInt(limit!) } }),
  ],
  [
    /^incomplete: chunk (\d+) has not been received$/,
    (chunk) => ({ __kind__: "Incomplete", Incomplete: { first_missing: BigInt(chunk!) } }),
  ],
  [
    /^out of range: (\d+) at (\d+), beyond the size (\d+)$/,
    (length, offset, size) => ({
      __kind__: "OutOfRange",
      OutOfRange: { offset: BigInt(offset!), length: BigInt(length!), size: BigInt(size!) },
    }),
  ],
  [
    /^corrupted: (.*) at offset (\d+)$/s,
    (what, offset) => ({ __kind__: "Corrupted", Corrupted: { what: what!, offset: BigInt(offset!) } }),
  ],
  [
    /^chunk conflict: chunk (\d+) was received with other bytes$/,
    (index) => ({ __kind__: "ChunkConflict", ChunkConflict: { index: BigInt(index!) } }),
  ],
];

/** The error that a text is, where it is one. */
export function parseError(text: string): Error_ | undefined {
  for (const [pattern, make] of TEXTS) {
    const match = pattern.exec(text.trim());
    if (match) return make(...match.slice(1));
  }
  return undefined;
}

/** The error in the message of a reject, around which is what the replica says. */
export function errorInReject(message: string): Error_ | undefined {
  const trapped = /with message: '(.*)'/s.exec(message)?.[1];
  const rejected = /explicitly rejected message: (.*)$/s.exec(message)?.[1];
  for (const text of [message, trapped, rejected]) {
    const error = text === undefined ? undefined : parseError(text);
    if (error) return error;
  }
  return undefined;
}
