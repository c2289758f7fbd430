/** The three errors that this package throws, besides the one with which an `AbortSignal` was aborted. */
import type { Error_ } from "./bindings/storage.js";
import { textOf } from "./error-text.js";

/** The cases of the contract's error. */
export type StorageErrorKind = Error_["__kind__"];

type Case<K extends StorageErrorKind> = Extract<Error_, { __kind__: K }>;

/** What a case has in it: for `TooLarge`, for example, `size` and `limit`. */
export type StorageErrorFields<K extends StorageErrorKind> = Case<K>[K & keyof Case<K>] extends infer F
  ? F extends null
    ? Record<never, never>
    : F
  : never;

/**
 * The canister answered with an error of its contract, or would have, so that the call was not made. Nothing has changed.
 */
export class StorageError<K extends StorageErrorKind = StorageErrorKind> extends Error {
  override readonly name = "StorageError";
  /** Which case it is: `NotFound`, `TooLarge`, and so on. */
  readonly kind: K;
  /** What the case has in it, by the names of storage.did. */
  readonly fields: StorageErrorFields<K>;

  constructor(
    /** The method that was called. */
    readonly method: string,
    error: Error_,
  ) {
    super(`${method}: ${textOf(error)}`);
    this.kind = error.__kind__ as K;
    const fields: unknown = (error as unknown as Record<string, unknown>)[error.__kind__];
    this.fields = (fields ?? {}) as StorageErrorFields<K>;
  }

  /** Whether it is this case; its fields have the types of the case then. */
  is<C extends StorageErrorKind>(kind: C): this is StorageError<C> {
    return (this.kind as StorageErrorKind) === kind;
  }
}

/** Whether something that was caught is this case of the contract's error. */
export function isStorageError<K extends StorageErrorKind>(error: unknown, kind: K): error is StorageError<K> {
  return error instanceof StorageError && error.is(kind);
}

/**
 * What is known of a call that brought no reply of the canister:
 *
 * - `rejected`: the network or the canister rejected it. Nothing has changed.
 * - `refused`: it did not get to the canister, because a server on the way or the library refused it. Nothing has changed.
 * - `unanswered`: whether it was carried out is not known.
 * - `undecodable`: the reply is not what the contract says. An update has been carried out.
 */
export type CallOutcome = "rejected" | "refused" | "unanswered" | "undecodable";

/** The reject and error codes of a rejected call. */
export interface Reject {
  /** The reject code of the Internet Computer, 1 to 6. */
  readonly code: number;
  /** The replica's error code, for example `IC0503`, where it gave one. */
  readonly errorCode?: string | undefined;
}

/** The reject code of what may go better the next time. A call rejected with it has not been executed. */
const SYS_TRANSIENT = 2;

/** The error code of a canister without cycles, which is among the transient ones; waiting does not help. */
const OUT_OF_CYCLES = "IC0207";

/** A call brought no reply of the canister. `cause` is the error of `@icp-sdk/core`. */
export class CallError extends Error {
  override readonly name = "CallError";

  constructor(
    /** The method that was called. */
    readonly method: string,
    /** What is known of the call. */
    readonly outcome: CallOutcome,
    message: string,
    cause: unknown,
    /** The codes, where the call was rejected. */
    readonly reject?: Reject,
  ) {
    super(`${method}: ${outcome === "unanswered" ? "no answer: " : ""}${message}`, { cause });
  }

  /** Whether the same call may go better the next time. It may have been carried out all the same. */
  get isPassing(): boolean {
    if (this.outcome === "unanswered") return true;
    return this.reject?.code === SYS_TRANSIENT && this.reject.errorCode !== OUT_OF_CYCLES;
  }
}

/** What can go wrong with the bytes of a transfer. */
export type TransferProblem =
  /** The source has fewer bytes than were declared. */
  | { readonly kind: "SourceEndsEarly"; readonly length: bigint; readonly size: bigint }
  /** The source has more bytes than were declared. */
  | { readonly kind: "SourceIsLonger"; readonly size: bigint }
  /** The bytes do not have the SHA-256 that was declared; both are in hexadecimal. */
  | { readonly kind: "WrongDigest"; readonly declared: string; readonly computed: string }
  /** The canister answered with another number of bytes than the object has there. */
  | { readonly kind: "WrongLength"; readonly offset: bigint; readonly expected: number; readonly found: number };

/** The bytes that were sent or that arrived are not those that were declared. */
export class TransferError extends Error {
  override readonly name = "TransferError";

  constructor(
    /** What is wrong, with the numbers. */
    readonly problem: TransferProblem,
  ) {
    super(textOfProblem(problem));
  }
}

function textOfProblem(problem: TransferProblem): string {
  switch (problem.kind) {
    case "SourceEndsEarly":
      return `the source ends after ${problem.length} bytes, and ${problem.size} were declared`;
    case "SourceIsLonger":
      return `the source has more than the ${problem.size} bytes that were declared`;
    case "WrongDigest":
      return `the SHA-256 of the bytes is ${problem.computed}, and ${problem.declared} was declared`;
    case "WrongLength":
      return `the canister answered ${problem.found} bytes at byte ${problem.offset}, where ${problem.expected} were expected`;
  }
}
