/** An object: what is known of it, and what it looks or sounds like. */
import { isStorageError, type ObjectInfo } from "stable-storage-client";
import { type App, heading, problem } from "../app.js";
import { button, h } from "../dom.js";
import { explain } from "../failure.js";
import { count, size, time, visible } from "../format.js";
import { type Address, addressOf } from "../media.js";
import { folderAddress, folderOf, nameOf, objectAddress } from "../route.js";
import { actionsOf, breadcrumb } from "./files.js";

/** The bytes of a text that are shown. */
const TEXT_BYTES = 64 << 10;

/** Types that are text, besides `text/…`. */
const TEXTS = /^text\/|^application\/(json|xml|javascript|toml|yaml|x-sh|sql)\b|\+(json|xml)$/;

/** Shows an object. */
export async function object(app: App, key: string): Promise<HTMLElement> {
  const view = h("div", { class: "object" }, breadcrumb(key), heading(visible(nameOf(key))));
  try {
    const info = await app.client.stat(key);
    const leave = (to?: string) => void (location.hash = to === undefined ? folderAddress(folderOf(key)) : objectAddress(to));
    view.append(h("p", { class: "toolbar" }, ...actionsOf(app, info, leave)));
    view.append(await preview(app, info), facts(app, info));
  } catch (error) {
    const text = "Nothing has this key.";
    view.append(isStorageError(error, "NotFound") ? h("p", { role: "alert" }, text) : problem(error));
  }
  return view;
}

async function preview(app: App, info: ObjectInfo): Promise<HTMLElement> {
  const section = h("section", { "aria-label": "Preview", class: "preview" });
  try {
    section.append(await contentOf(app, info));
  } catch (error) {
    section.append(problem(error));
  }
  return section;
}

async function contentOf(app: App, info: ObjectInfo): Promise<HTMLElement> {
  const type = info.content_type ?? "";
  const name = visible(nameOf(info.key));
  if (info.content_encoding) return note(`It is encoded as ${visible(info.content_encoding)} and not shown here.`);
  const isMedia = /^(image|audio|video)\//.test(type);
  if (!isMedia) return TEXTS.test(type) ? textOf(app, info) : note("There is no preview of this type.");
  const address = await addressOf(app.client, info);
  if (!address) return note("It is too large to be shown by this browser here.");
  app.signal.addEventListener("abort", () => address.release());
  return elementOf(type, name, address);
}

function elementOf(type: string, name: string, { url }: Address): HTMLElement {
  const failed = h("p", { role: "alert", class: "note", hidden: true }, "The browser cannot show it.");
  const onerror = () => void (failed.hidden = false);
  const [kind] = type.split("/");
  const element =
    kind === "image"
      ? h("img", { src: url, alt: name, onerror })
      : h(kind === "video" ? "video" : "audio", { src: url, controls: true, preload: "metadata", "aria-label": name, onerror });
  return h("div", {}, element, failed);
}

function note(text: string): HTMLElement {
  return h("p", { class: "note" }, text);
}

async function textOf(app: App, info: ObjectInfo): Promise<HTMLElement> {
  const length = Math.min(TEXT_BYTES, Number(info.size));
  const download = await app.client.download(info.key, { info, length, signal: app.signal });
  const content = h("pre", { tabindex: 0, "aria-label": `Content of ${visible(nameOf(info.key))}` }, await download.text());
  if (length === Number(info.size)) return content;
  return h("div", {}, content, note(`The first ${size(length)} of ${size(info.size)}.`));
}

function facts(app: App, info: ObjectInfo): HTMLElement {
  const list = h("dl");
  const fact = (name: string, ...value: (Node | string)[]) => list.append(h("dt", {}, name), h("dd", {}, ...value));
  fact("Key", visible(info.key));
  fact("Size", `${size(info.size)} (${count(info.size)} bytes)`);
  if (info.content_type) fact("Type", visible(info.content_type));
  if (info.content_encoding) fact("Encoding", visible(info.content_encoding));
  fact("Modified", time(info.modified_ns));
  fact("Created", time(info.created_ns));
  fact("Revision", count(info.revision));
  if (info.owner) fact("Owner", info.owner.toText());
  for (const { name, value } of info.metadata ?? []) fact(visible(name), visible(value));
  fact("SHA-256", ...digest(app, info));
  return list;
}

function digest(app: App, info: ObjectInfo): (Node | string)[] {
  const { sha256 } = info;
  const state = h("span", { role: "status" }, sha256 ? sha256.state.toLowerCase() : "");
  const verify = button("Verify", () => {
    verify.disabled = true;
    const progress = ({ bytes, size: whole = 0 }: { bytes: number; size?: number }) => {
      state.textContent = `${size(bytes)} of ${size(whole)} hashed`;
    };
    app.client.verify(info.key, { signal: app.signal, progress }).then(
      (verdict) => void (state.textContent = verdict.toLowerCase()),
      (error: unknown) => void (state.textContent = explain(error)),
    ).finally(() => void (verify.disabled = false));
  });
  const hex = sha256 ? [...sha256.digest].map((byte) => byte.toString(16).padStart(2, "0")).join("") : "none";
  return [h("code", {}, hex), h("br"), state, " ", verify];
}
