/** Addresses within the page. */

/** What the page shows. */
export type Route =
  | { view: "files"; key: string }
  | { view: "object"; key: string }
  | { view: "log" | "status" | "identity" };

/** The address of a folder; the empty one is that of all. */
export function folderAddress(prefix: string): string {
  return `#/files/${encode(prefix)}`;
}

/** The address of an object. */
export function objectAddress(key: string): string {
  return `#/object/${encode(key)}`;
}

/** What an address leads to. */
export function routeOf(hash: string): Route {
  const [, view, rest] = /^#\/(\w+)(?:\/(.*))?$/s.exec(hash) ?? [];
  const key = decode(rest ?? "");
  if (view === "object" && key !== "") return { view, key };
  if (view === "log" || view === "status" || view === "identity") return { view };
  return { view: "files", key };
}

/** The folder that a key is in, with the slash at its end. */
export function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf("/", key.length - 2) + 1);
}

/** What a key is called in its folder. */
export function nameOf(key: string): string {
  return key.slice(folderOf(key).length);
}

function encode(key: string): string {
  return encodeURIComponent(key).replaceAll("%2F", "/");
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
