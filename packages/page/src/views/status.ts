/** How full the store is, in pictures and in numbers. */
import type { Status } from "stable-storage-client";
import { type App, heading, problem } from "../app.js";
import { button, h, svg } from "../dom.js";
import { count, plural, share, size } from "../format.js";

interface Part {
  name: string;
  bytes: bigint;
}

/** Shows the status. */
export async function status(app: App): Promise<HTMLElement> {
  const view = h("div", {}, heading("Status"), h("p", { class: "toolbar" }, button("Look again", app.refresh)));
  try {
    const now = await app.client.status();
    view.append(capacity(now), memories(now), arena(now), facts(now), operations(now));
  } catch (error) {
    view.append(problem(error));
  }
  return view;
}

function capacity(now: Status): HTMLElement {
  const { capacity_bytes: whole, stable_bytes: used, storable_bytes: storable } = now;
  const rest = whole > used ? whole - used : 0n;
  const parts = [
    { name: "Stable memory in use", bytes: used },
    { name: "Free up to the capacity", bytes: rest },
  ];
  const text = `An upload of ${size(storable)} would be accepted now.`;
  return picture("Capacity", whole, parts, h("p", {}, text));
}

function memories({ stores, stable_bytes: whole }: Status): HTMLElement {
  const parts = [
    { name: "Large values", bytes: stores.arena },
    { name: "Objects and small values", bytes: stores.objects },
    { name: "Log", bytes: stores.log + stores.log_index },
    { name: "Regions", bytes: stores.region_data + stores.regions },
    { name: "Uploads and roles", bytes: stores.uploads + stores.roles },
    { name: "Certification", bytes: certification(stores) },
  ];
  const known = parts.reduce((sum, part) => sum + part.bytes, 0n);
  const rest = { name: "Headers and free buckets", bytes: whole > known ? whole - known : 0n };
  return picture("Stable memory", whole, [...parts, rest]);
}

/** Nothing is reported if nothing has ever been certified, or by a canister that is older than the page. */
function certification({ certified: of }: Status["stores"]): bigint {
  return of ? of.hash_tree + of.log_range + of.scopes + of.pieces + of.pending : 0n;
}

function arena({ arena: of }: Status): HTMLElement {
  const parts = [
    { name: "Used by large values", bytes: of.used_bytes },
    { name: "Reserved for uploads", bytes: of.reserved_bytes },
    { name: "Free", bytes: of.free_bytes > of.reserved_bytes ? of.free_bytes - of.reserved_bytes : 0n },
  ];
  const whole = parts.reduce((sum, part) => sum + part.bytes, 0n);
  const text = `The largest free block has ${size(of.largest_free_bytes)}; ${share(of.fragmentation, 1)} of what is free is outside of it.`;
  return picture("Room for large values", whole, parts, h("p", {}, text));
}

/** A bar of parts, and the same as a table, which is what a screen reader reads. */
function picture(title: string, whole: bigint, parts: Part[], ...more: Node[]): HTMLElement {
  const bar = svg("svg", { viewBox: "0 0 1000 24", preserveAspectRatio: "none", class: "bar", "aria-hidden": "true" });
  let x = 0;
  const body = h("tbody");
  for (const [at, { name, bytes }] of parts.entries()) {
    const width = widthOf(bytes, whole);
    bar.append(svg("rect", { x, y: 0, width, height: 24, class: `part${at}` }));
    x += width;
    const key = svg("svg", { viewBox: "0 0 10 10", class: "key", "aria-hidden": "true" }, svg("rect", { width: 10, height: 10, class: `part${at}` }));
    const label = h("th", { scope: "row" }, key, name);
    body.append(h("tr", {}, label, h("td", { class: "number" }, size(bytes)), h("td", { class: "number" }, share(bytes, whole))));
  }
  const caption = h("caption", {}, `${title}: ${size(whole)}`);
  return h("section", { class: "picture" }, h("h2", {}, title), bar, h("table", {}, caption, body), ...more);
}

/** Of a bar of 1,000; what is there can be seen, however little it is. */
function widthOf(bytes: bigint, whole: bigint): number {
  return bytes === 0n ? 0 : Math.max((Number(bytes) / Number(whole)) * 1_000, 3);
}

function facts(now: Status): HTMLElement {
  const list = h("dl");
  const fact = (name: string, value: string) => list.append(h("dt", {}, name), h("dd", {}, value));
  fact("Objects", `${count(now.objects)}, ${size(now.object_bytes)}`);
  fact("Log", plural(now.log_entries, "entry", "entries"));
  fact("Open uploads", count(now.uploads));
  fact("Regions", count(now.regions));
  fact("Roles", count(now.roles));
  fact("Revision", count(now.revision));
  fact("Upgrades", count(now.upgrades.count));
  fact("Heap", size(now.heap_bytes));
  fact("Cycles", count(now.cycles));
  fact("Version", `${now.version}, layout ${now.layout_version}`);
  return h("section", {}, h("h2", {}, "In numbers"), list);
}

function operations(now: Status): HTMLElement {
  const all = [...now.operations, ...now.refusals.map(({ name, count: times }) => ({ name: `answered ${name}`, count: times }))];
  const rows = all.filter((one) => one.count > 0n);
  const row = (one: { name: string; count: bigint }) =>
    h("tr", {}, h("th", { scope: "row" }, one.name), h("td", { class: "number" }, count(one.count)));
  const caption = h("caption", { class: "hidden" }, "Updates that were carried out or refused");
  return h("section", {}, h("h2", {}, "Updates so far"), h("table", {}, caption, h("tbody", {}, ...rows.map(row))));
}
