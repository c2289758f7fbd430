/** A folder: what is in it, and what can be done with that. */
import type { Listed, ObjectInfo, UploadStatus } from "stable-storage-client";
import { type App, heading, problem } from "../app.js";
import { ask, confirm } from "../dialogs.js";
import { announce, button, h } from "../dom.js";
import { explain } from "../failure.js";
import { count, dateOf, plural, size, time, visible } from "../format.js";
import { save } from "../media.js";
import { add, dropped } from "../queue.js";
import { folderAddress, folderOf, nameOf, objectAddress } from "../route.js";

/** Rows that are shown before the user asks for more. */
const ROWS = 200;

/** Objects that are counted before a folder is removed. */
const COUNTED = 10_000;

/** Shows a folder. */
export async function files(app: App, folder: string): Promise<HTMLElement> {
  const view = h("div", { class: "files" }, breadcrumb(folder), heading(titleOf(folder)), toolbar(folder));
  acceptDrops(view, folder);
  try {
    const items = app.client.list(folder, { delimiter: "/", page: ROWS, signal: app.signal });
    const { table, more } = await tableOf(app, folder, items);
    view.append(table, more);
  } catch (error) {
    view.append(problem(error));
    return view;
  }
  view.append(await incomplete(app, folder));
  return view;
}

/** The folder's own name. */
export function titleOf(folder: string): string {
  return folder === "" ? "All files" : visible(nameOf(folder));
}

/** The way from all files to a folder or an object, whose own name comes last. */
export function breadcrumb(key: string): HTMLElement {
  const steps = h("ol");
  for (let at = key; at !== ""; at = folderOf(at)) {
    const isLast = at === key;
    const target = isLast ? h("span", { "aria-current": "page" }, visible(nameOf(at))) : link(at);
    steps.prepend(h("li", {}, target));
  }
  const root = key === "" ? h("span", { "aria-current": "page" }, "All files") : h("a", { href: folderAddress("") }, "All files");
  steps.prepend(h("li", {}, root));
  return h("nav", { "aria-label": "Folder", class: "breadcrumb" }, steps);
}

function link(key: string): HTMLElement {
  const address = key.endsWith("/") ? folderAddress(key) : objectAddress(key);
  return h("a", { href: address }, visible(nameOf(key)));
}

function toolbar(folder: string): HTMLElement {
  const chooser = h("input", { type: "file", multiple: true, id: "chooser", class: "hidden", tabindex: -1, "aria-hidden": "true" });
  chooser.addEventListener("change", () => {
    add(folder, [...(chooser.files ?? [])].map((file) => ({ path: file.name, file })));
    chooser.value = "";
  });
  const upload = button("Upload files", () => chooser.click(), { class: "primary" });
  return h("p", { class: "toolbar" }, upload, chooser, h("span", { class: "note" }, "or drop files and folders here"));
}

function acceptDrops(view: HTMLElement, folder: string): void {
  const has = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  view.addEventListener("dragover", (event) => {
    if (!has(event)) return;
    event.preventDefault();
    view.classList.add("target");
  });
  view.addEventListener("dragleave", () => view.classList.remove("target"));
  view.addEventListener("drop", (event) => {
    if (!has(event)) return;
    event.preventDefault();
    view.classList.remove("target");
    void dropped(event.dataTransfer!).then((found) => add(folder, found));
  });
}

async function tableOf(app: App, folder: string, items: AsyncGenerator<Listed>) {
  const body = h("tbody");
  const columns = ["Name", "Size", "Type", "Modified"].map((name) => {
    return h("th", { scope: "col", class: name === "Size" && "number" }, name);
  });
  const actions = h("th", { scope: "col" }, h("span", { class: "hidden" }, "Actions"));
  const caption = h("caption", { class: "hidden" }, `What is in ${titleOf(folder)}`);
  const table = h("table", {}, caption, h("thead", {}, h("tr", {}, ...columns, actions)), body);
  const more = h("p", { class: "note" });
  const load = async () => {
    const { rows, isEnd } = await rowsOf(app, items);
    const hadFocus = more.contains(document.activeElement);
    body.append(...rows);
    const shown = body.childElementCount;
    if (shown === 0) more.replaceChildren("Nothing is here.");
    else if (isEnd) more.replaceChildren(plural(shown, "item"));
    else more.replaceChildren(`${plural(shown, "item")} so far `, button("Show more", () => void load()));
    if (hadFocus) rows[0]?.querySelector("a")?.focus();
  };
  await load();
  return { table: h("div", { class: "wide" }, table), more };
}

async function rowsOf(app: App, items: AsyncGenerator<Listed>) {
  const rows: HTMLTableRowElement[] = [];
  while (rows.length < ROWS) {
    const { done, value } = await items.next();
    if (done) return { rows, isEnd: true };
    rows.push(value.kind === "prefix" ? folderRow(app, value.key) : objectRow(app, value.info));
  }
  return { rows, isEnd: false };
}

function folderRow(app: App, key: string): HTMLTableRowElement {
  const name = h("th", { scope: "row", class: "folder" }, link(key));
  const remove = action("Delete", key, () => void removeFolder(app, key));
  const empty = () => h("td", {}, "");
  return h("tr", {}, name, empty(), h("td", {}, "folder"), empty(), h("td", { class: "actions" }, remove));
}

function objectRow(app: App, info: ObjectInfo): HTMLTableRowElement {
  const modified = h("time", { datetime: dateOf(info.modified_ns).toISOString() }, time(info.modified_ns));
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, link(info.key)),
    h("td", { class: "number", title: `${count(info.size)} bytes` }, size(info.size)),
    h("td", {}, visible(info.content_type ?? "")),
    h("td", {}, modified),
    h("td", { class: "actions" }, ...actionsOf(app, info, app.refresh)),
  );
}

/** What can be done with an object; `onGone` is called when it is not there any more. */
export function actionsOf(app: App, info: ObjectInfo, onGone: (key?: string) => void): HTMLElement[] {
  const { key } = info;
  const download = () => {
    save(app.client, info).catch((error: unknown) => alertOf(error));
  };
  const rename = () =>
    ask("Rename or move", "New key", key, "Rename", async (to) => {
      await app.client.rename(key, to, { __kind__: "Absent", Absent: null });
      announce(`${visible(key)} is now ${visible(to)}`);
      onGone(to);
    });
  const remove = () =>
    confirm("Delete", `${visible(key)} is deleted permanently.`, "Delete", async () => {
      await app.client.delete(key);
      announce(`Deleted ${visible(key)}`);
      onGone();
    });
  return [action("Download", key, download), action("Rename", key, rename), action("Delete", key, remove)];
}

function action(label: string, key: string, onclick: () => void): HTMLButtonElement {
  return button(label, onclick, { "aria-label": `${label} ${visible(nameOf(key))}` });
}

function alertOf(error: unknown): void {
  const text = explain(error);
  confirm("That failed", text, "Close", async () => undefined);
}

async function removeFolder(app: App, prefix: string): Promise<void> {
  let objects = 0;
  let bytes = 0n;
  try {
    for await (const item of app.client.list(prefix)) {
      if (item.kind !== "object" || objects === COUNTED) break;
      objects += 1;
      bytes += item.info.size;
    }
  } catch (error) {
    return alertOf(error);
  }
  const what = objects === COUNTED ? `${count(COUNTED)} objects or more` : plural(objects, "object");
  const text = `${what} under ${visible(prefix)}, ${size(bytes)} in all, are deleted permanently.`;
  confirm("Delete a folder", text, "Delete all of it", async () => {
    const deleted = await app.client.deletePrefix(prefix);
    announce(`Deleted ${plural(deleted, "object")} under ${visible(prefix)}`);
    app.refresh();
  });
}

/** Uploads to this folder that are open and not complete. */
async function incomplete(app: App, folder: string): Promise<HTMLElement> {
  const section = h("section", { "aria-label": "Incomplete uploads", hidden: true });
  const open = await app.client.uploads().catch(() => []);
  const here = open.filter(({ upload }) => upload.key.startsWith(folder));
  if (here.length === 0) return section;
  section.hidden = false;
  section.append(
    h("h2", {}, "Incomplete uploads"),
    h("p", { class: "note" }, "To resume one, upload the same file to the same place again."),
    h("ul", { class: "incomplete" }, ...here.map((status) => incompleteRow(app, status))),
  );
  return section;
}

function incompleteRow(app: App, { upload, received }: UploadStatus): HTMLElement {
  const { id, key } = upload;
  const whole = upload.size === undefined ? "" : ` of ${size(upload.size)}`;
  const text = `${visible(key)}: ${size(received)}${whole}, kept until ${time(upload.expires_ns)} `;
  const give = () =>
    confirm("Abort an upload", `What was sent of ${visible(key)} will be gone.`, "Abort it", async () => {
      await app.client.abortUpload(id);
      announce(`The upload of ${visible(key)} is aborted`);
      app.refresh();
    });
  return h("li", {}, text, action("Abort", key, give));
}
