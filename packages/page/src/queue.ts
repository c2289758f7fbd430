/** The uploads of this page: a line of them, and what the user can do about each. */
import { absent, isStorageError, type Progress, type StorageClient } from "stable-storage-client";
import { announce, button, byId, h } from "./dom.js";
import { explain } from "./failure.js";
import { share, size, visible } from "./format.js";

/** How many files are sent at the same time; each sends several chunks. */
const AT_ONCE = 2;

interface Item {
  key: string;
  file: File;
  /** Whether an object that is there may be replaced. */
  replaces: boolean;
  abort: AbortController;
  row: HTMLElement;
  bar: HTMLProgressElement;
  note: HTMLElement;
  actions: HTMLElement;
}

const waiting: Item[] = [];
let underWay = 0;
let client: StorageClient | undefined;
let onStored: (key: string) => void = () => undefined;

/** Sets the client that sends files, and what is called for each that was stored. */
export function configure(calls: StorageClient, stored: (key: string) => void): void {
  client = calls;
  onStored = stored;
}

/** Sends files to a folder. */
export function add(folder: string, files: { path: string; file: File }[]): void {
  for (const { path, file } of files) enqueue(itemOf(folder + path, file));
  if (files.length > 0) announce(`Uploading ${files.length === 1 ? files[0]!.path : `${files.length} files`}`);
}

/** Whether leaving the page would interrupt something. */
export function isBusy(): boolean {
  return underWay > 0 || waiting.length > 0;
}

function itemOf(key: string, file: File): Item {
  const name = visible(key);
  const bar = h("progress", { max: 1, value: 0, "aria-label": `Upload of ${name}` });
  const note = h("span", { class: "note" }, "waiting");
  const actions = h("span", { class: "actions" });
  const row = h("li", {}, h("span", { class: "name" }, name), bar, note, actions);
  return { key, file, replaces: false, abort: new AbortController(), row, bar, note, actions };
}

function list(): HTMLElement {
  const section = byId("uploads");
  const found = section.querySelector("ul");
  if (found) return found;
  const made = h("ul", { tabindex: 0, "aria-label": "Uploads of this page" });
  section.replaceChildren(h("p", { class: "toolbar" }, h("h2", {}, "Uploads"), button("Clear the list", clear)), made);
  return made;
}

function enqueue(item: Item): void {
  const items = list();
  if (!item.row.isConnected) items.prepend(item.row);
  byId("uploads").hidden = false;
  item.abort = new AbortController();
  item.row.dataset["state"] = "waiting";
  offer(item, ["Cancel", () => cancel(item)]);
  waiting.push(item);
  next();
}

function next(): void {
  while (underWay < AT_ONCE && waiting.length > 0 && client) {
    underWay += 1;
    void send(waiting.shift()!, client).finally(() => {
      underWay -= 1;
      next();
    });
  }
}

async function send(item: Item, calls: StorageClient): Promise<void> {
  item.row.dataset["state"] = "sending";
  try {
    const { key, file, replaces, abort } = item;
    const condition = replaces ? undefined : absent;
    const progress = (state: Progress) => show(item, state);
    await calls.upload(key, file, { condition, signal: abort.signal, progress });
    settle(item, "stored", `stored, ${size(file.size)}`);
    item.bar.value = 1;
    announce(`Stored ${visible(key)}`);
    onStored(key);
  } catch (error) {
    fail(item, error);
  }
}

function fail(item: Item, error: unknown): void {
  const again: Offer = ["Resume", () => enqueue(item)];
  if (item.abort.signal.aborted) {
    settle(item, "cancelled", "cancelled; what was sent is kept for a while", again);
  } else if (isStorageError(error, "AlreadyExists")) {
    const replace: Offer = ["Replace", () => ((item.replaces = true), enqueue(item))];
    settle(item, "failed", explain(error), replace);
  } else {
    settle(item, "failed", explain(error), again);
  }
  announce(`${visible(item.key)}: ${item.note.textContent}`);
}

type Offer = [label: string, onclick: () => void];

function settle(item: Item, state: string, note: string, ...offers: Offer[]): void {
  item.row.dataset["state"] = state;
  item.note.textContent = note;
  offer(item, ...offers);
}

/** The buttons of an upload; where one had the focus, the first of the new ones gets it. */
function offer(item: Item, ...offers: Offer[]): void {
  const hadFocus = item.actions.contains(document.activeElement);
  const buttons = offers.map(([label, onclick]) =>
    button(label, onclick, { "aria-label": `${label}: upload of ${visible(item.key)}` }),
  );
  item.actions.replaceChildren(...buttons);
  if (hadFocus) buttons[0]?.focus();
}

function cancel(item: Item): void {
  const at = waiting.indexOf(item);
  if (at >= 0) waiting.splice(at, 1);
  item.abort.abort(new Error("cancelled"));
  if (at >= 0) fail(item, undefined);
}

function show(item: Item, { phase, bytes, size: whole = 0 }: Progress): void {
  const done = whole === 0 ? 1 : bytes / whole;
  item.bar.value = phase === "sending" ? done : 0;
  item.note.textContent = phase === "hashing" ? `reading, ${share(bytes, whole)}` : `${size(bytes)} of ${size(whole)}`;
}

function clear(): void {
  for (const row of list().querySelectorAll<HTMLElement>("li")) {
    if (row.dataset["state"] !== "waiting" && row.dataset["state"] !== "sending") row.remove();
  }
  if (list().childElementCount === 0) byId("uploads").hidden = true;
}

/** The files that were dropped, with those in folders. */
export async function dropped(transfer: DataTransfer): Promise<{ path: string; file: File }[]> {
  // What was dropped is there only until the event is over.
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const found = items.map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const all = found.map(async ({ entry, file }) => {
    if (entry) return filesOf(entry);
    return file ? [{ path: file.name, file }] : [];
  });
  return (await Promise.all(all)).flat();
}

async function filesOf(entry: FileSystemEntry): Promise<{ path: string; file: File }[]> {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    const file = await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail));
    return [{ path, file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    // A folder is read in parts.
    const some = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail));
    if (some.length === 0) break;
    all.push(...some);
  }
  return (await Promise.all(all.map(filesOf))).flat();
}
