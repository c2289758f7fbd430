/** The log: its end, what is appended while one looks, and a line of one's own. */
import type { LogEntry } from "stable-storage-client";
import { type App, heading, problem } from "../app.js";
import { h } from "../dom.js";
import { explain } from "../failure.js";
import { plural, size, visible } from "../format.js";

/** Entries that are shown at first, and the most that are kept on the page. */
const [FIRST, MOST] = [100n, 2_000];

/** How long is waited before the next look at the end of the log, in milliseconds. */
const INTERVAL_MS = 1_000;

/** The characters of an entry that are shown. */
const CHARACTERS = 2_000;

/** Shows the log and follows it. */
export async function log(app: App): Promise<HTMLElement> {
  const entries = h("ol");
  const frame = h("div", { role: "log", "aria-label": "Entries", tabindex: 0, class: "log" }, entries);
  const state = h("p", { class: "note" });
  const view = h("div", {}, heading("Log"), form(app), state, frame);
  try {
    const { length, bytes } = await app.client.logInfo();
    state.textContent = `${plural(length, "entry", "entries")}, ${size(bytes)}. New ones are shown as they come.`;
    const from = length > FIRST ? length - FIRST : 0n;
    follow(app, from, entries, state).catch((error: unknown) => {
      if (!app.signal.aborted) state.replaceChildren(problem(error));
    });
  } catch (error) {
    view.append(problem(error));
  }
  return view;
}

async function follow(app: App, from: bigint, list: HTMLElement, state: HTMLElement): Promise<void> {
  for await (const entry of app.client.followLog({ from, interval: INTERVAL_MS, signal: app.signal })) {
    const frame = list.parentElement!;
    const isAtEnd = frame.scrollTop + frame.clientHeight >= frame.scrollHeight - 4;
    list.append(row(entry));
    if (list.childElementCount > MOST) list.firstElementChild?.remove();
    if (isAtEnd) frame.scrollTop = frame.scrollHeight;
    state.textContent = `${plural(entry.index + 1n, "entry", "entries")}. New ones are shown as they come.`;
  }
}

function row(entry: LogEntry): HTMLElement {
  const text = entry.text;
  const shown = visible(text.slice(0, CHARACTERS)) + (text.length > CHARACTERS ? "…" : "");
  return h("li", { value: Number(entry.index) }, shown);
}

function form(app: App): HTMLElement {
  const input = h("input", { type: "text", required: true, autocomplete: "off" });
  const failure = h("span", { role: "alert", class: "problem" });
  const onsubmit = (event: Event) => {
    event.preventDefault();
    failure.textContent = "";
    app.client.append(input.value).then(
      () => void (input.value = ""),
      (error: unknown) => void (failure.textContent = explain(error)),
    );
  };
  const label = h("label", {}, h("span", {}, "New entry"), input);
  return h("form", { onsubmit, class: "line" }, label, h("button", { type: "submit" }, "Append"), failure);
}
