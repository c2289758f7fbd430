/** Calling again what brought no reply. */
import { CallError } from "./errors.js";

/**
 * How often a call is made before its failure is the caller's, and how long is waited in between. The longest wait
 * doubles with each attempt up to `maxDelayMs`; how much of it is waited is up to chance.
 */
export interface RetryPolicy {
  /** How often a call is made at most, the first time included. */
  readonly attempts: number;
  /** How long is waited at most before the second attempt, in milliseconds. */
  readonly firstDelayMs: number;
  /** How long is waited at most before any attempt, in milliseconds. */
  readonly maxDelayMs: number;
}

/** Four attempts, with up to 0.5, 1 and 2 seconds in between. */
export const DEFAULT_RETRY: RetryPolicy = { attempts: 4, firstDelayMs: 500, maxDelayMs: 30_000 };

/**
 * The updates that may be made twice, because the outcome is the same: `write_chunk` compares a chunk that comes again
 * with the one that is there, and `copy_chunks`, `verify`, `certify` and `certify_log` do the next step. Every other update is made once; queries may be repeated.
 */
const REPEATABLE_UPDATES: ReadonlySet<string> = new Set(["write_chunk", "copy_chunks", "verify", "certify", "certify_log"]);

/** Whether a method may be called again after it may have been carried out. */
export function mayRepeat(method: string, isQuery: boolean): boolean {
  return isQuery || REPEATABLE_UPDATES.has(method);
}

/** The attempts at one call. */
export class Attempts {
  #made = 0;

  constructor(private readonly policy: RetryPolicy) {}

  /** Waits before the next attempt and answers true, or answers immediately that there are no more. */
  async another(signal?: AbortSignal): Promise<boolean> {
    this.#made += 1;
    if (this.#made >= this.policy.attempts) return false;
    const longest = Math.min(this.policy.firstDelayMs * 2 ** (this.#made - 1), this.policy.maxDelayMs);
    await sleep(longest * Math.random(), signal);
    return true;
  }
}

/** Whether the call may go better the next time. */
export function isPassing(error: unknown): error is CallError {
  return error instanceof CallError && error.isPassing;
}

/** Waits, unless the signal is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return abortable(new Promise((done) => setTimeout(done, ms)), signal);
}

/**
 * The outcome of a call, or the signal's reason as soon as it is aborted. A call that was sent is not
 * cancelled by that.
 */
export function abortable<T>(call: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return call;
  return new Promise((done, fail) => {
    const abort = () => fail(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    call.then(done, fail).finally(() => signal.removeEventListener("abort", abort));
  });
}
