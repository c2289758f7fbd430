/** What the views share. */
import type { StorageClient } from "stable-storage-client";
import { h } from "./dom.js";
import { explain, isUnauthorized } from "./failure.js";

/** The connection, and where it leads. */
export interface App {
  readonly client: StorageClient;
  readonly canister: string;
  readonly network: string;
  /** Connects again, as the present identity. */
  reconnect(): Promise<void>;
  /** Shows the view again. */
  refresh(): void;
  /** Ends when another view is shown. */
  readonly signal: AbortSignal;
}

/** The heading of a view, which gets the focus when the view is shown. */
export function heading(text: string): HTMLHeadingElement {
  return h("h1", { tabindex: -1, "data-focus": true }, text);
}

/** A problem in place of what was to be shown. */
export function problem(error: unknown): HTMLElement {
  if (!isUnauthorized(error)) return h("p", { role: "alert", class: "problem" }, explain(error));
  const link = h("a", { href: "#/identity" }, "Identity");
  const text = `${explain(error)} An admin can give it to you: see `;
  return h("p", { role: "alert", class: "problem" }, text, link, ".");
}

/** The options of the command line that lead to this canister. */
export function commandTarget(app: App): string {
  return `--network ${app.network} --canister ${app.canister}`;
}
