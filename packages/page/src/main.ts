/** The page: connects, and shows the view that the address names. */
import { StorageClient } from "stable-storage-client";
import { type App, problem } from "./app.js";
import { target } from "./config.js";
import { byId, h } from "./dom.js";
import { load } from "./identity.js";
import { start as startMedia } from "./media.js";
import { configure, isBusy } from "./queue.js";
import { folderOf, type Route, routeOf } from "./route.js";
import { files } from "./views/files.js";
import { identity } from "./views/identity.js";
import { log } from "./views/log.js";
import { object } from "./views/object.js";
import { status } from "./views/status.js";

const VIEWS = [
  ["files", "Files", "#/files/"],
  ["log", "Log", "#/log"],
  ["status", "Status", "#/status"],
  ["identity", "Identity", "#/identity"],
] as const;

/** Objects that were stored within this time show up together, in milliseconds. */
const SETTLE_MS = 300;

let client: StorageClient;
let ended = new AbortController();
const { canister, network } = await target().catch(stop);

async function connect(): Promise<void> {
  const { identity: kept, isUsed } = await load().catch(() => ({ identity: undefined, isUsed: false }));
  const isOwn = new URL(network).origin === location.origin;
  client = await StorageClient.connect({
    canister,
    network,
    identity: isUsed ? kept : undefined,
    // A network elsewhere is the Internet Computer, whose key is known.
    ...(isOwn && { fetchRootKey: !isMainnet(network) }),
  });
  configure(client, stored);
}

function isMainnet(url: string): boolean {
  return /(^|\.)(icp0\.io|icp-api\.io|ic0\.app)$/.test(new URL(url).hostname);
}

function app(): App {
  return {
    client,
    canister,
    network,
    signal: ended.signal,
    refresh: () => void show("refresh"),
    reconnect: async () => {
      await connect();
      await show("refresh");
    },
  };
}

function viewOf(route: Route): Promise<HTMLElement> {
  switch (route.view) {
    case "files":
      return files(app(), route.key);
    case "object":
      return object(app(), route.key);
    case "log":
      return log(app());
    case "status":
      return status(app());
    case "identity":
      return identity(app());
  }
}

/** Shows the view of the address. The focus goes to its heading, unless it is the one that was there. */
async function show(why: "navigation" | "refresh"): Promise<void> {
  ended.abort();
  const mine = (ended = new AbortController());
  const route = routeOf(location.hash);
  tabs(route);
  const content = byId("content");
  content.setAttribute("aria-busy", "true");
  const view = await viewOf(route).catch(problem);
  if (mine.signal.aborted) return;
  const hadFocus = content.contains(document.activeElement);
  content.replaceChildren(view);
  content.removeAttribute("aria-busy");
  const heading = content.querySelector<HTMLElement>("[data-focus]");
  document.title = `${heading?.textContent ?? "Storage"} – Storage`;
  if (why === "navigation" || hadFocus) heading?.focus();
}

function tabs({ view }: Route): void {
  const current = view === "object" ? "files" : view;
  const links = VIEWS.map(([name, label, href]) => {
    return h("a", { href, "aria-current": name === current ? "page" : undefined }, label);
  });
  byId("views").replaceChildren(...links);
}

let settling: ReturnType<typeof setTimeout> | undefined;

/** An object was stored: shows it, where its folder or one above it is shown. */
function stored(key: string): void {
  const route = routeOf(location.hash);
  if (route.view !== "files" || !folderOf(key).startsWith(route.key)) return;
  const { hash } = location;
  clearTimeout(settling);
  settling = setTimeout(() => {
    // Another view may be shown by now.
    if (location.hash === hash) void show("refresh");
  }, SETTLE_MS);
}

/** Nothing can be shown. */
function stop(error: unknown): never {
  byId("content").replaceChildren(problem(error));
  throw error;
}

byId("canister").textContent = canister;
byId("canister").title = network;
tabs(routeOf(location.hash));
await Promise.all([connect(), startMedia()]).catch(stop);
addEventListener("hashchange", () => void show("navigation"));
addEventListener("beforeunload", (event) => {
  if (isBusy()) event.preventDefault();
});
await show("refresh");
