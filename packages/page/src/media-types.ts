/** The messages between the page and its service worker, about the bytes of objects. */

/**
 * The path under which the worker answers, relative to the page. Both have it as a constant of this type, because the worker
 * is a separate file that imports nothing.
 */
export type MediaPath = "media/";

/** The worker asks a page for bytes, with a port to answer to. */
export interface Ask {
  ask: "media";
  /** Names the object; only the page that made it up knows which one. */
  token: string;
  /** The header of the request. */
  range: string | null;
}

/** The page's answer: that the token is not its own, or how the response begins. */
export type Begin = { unknown: true } | { status: number; headers: [string, string][] };

/** After `pull`: the next bytes, the end, or a failure. */
export type Piece = { bytes: Uint8Array<ArrayBuffer> } | { done: true } | { failure: string };

/** What the worker says after the beginning. */
export type Pull = "pull" | "cancel";
