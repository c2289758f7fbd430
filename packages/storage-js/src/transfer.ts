/** What uploads and downloads have in common. */

/** How many calls of a transfer are under way at the same time by default. */
export const CONCURRENCY = 4;

/** What a transfer is doing. */
export type Phase = "hashing" | "sending" | "receiving" | "verifying";

/** How far a transfer is. */
export interface Progress {
  readonly phase: Phase;
  /** Bytes that are hashed, that the canister has received, or that the reader was given. */
  readonly bytes: number;
  /** Bytes in all, where that is known. */
  readonly size?: number;
  /** The upload, where chunks are sent: `uploads` lists it and `abortUpload` ends it. */
  readonly upload?: bigint;
}

/** How a transfer is done. */
export interface TransferOptions {
  /** How many calls are under way at the same time; 4 by default. Each takes about 8 MiB of memory. */
  concurrency?: number;
  /** Ends the transfer; it fails with the signal's reason. */
  signal?: AbortSignal;
  /** Is called with how far the transfer is. */
  progress?: (progress: Progress) => void;
}
