/**
 * Objects by address, for elements that play them and for downloads of any size: the page's side of the service worker.
 *
 * Where there is no worker, because the page is not on HTTPS or this machine, or was loaded past it, an object is fetched
 * into memory first, if it is not too large.
 */
import type { Download, ObjectInfo, StorageClient } from "stable-storage-client";
import { h } from "./dom.js";
import { explain } from "./failure.js";
import type { Ask, Begin, MediaPath, Piece, Pull } from "./media-types.js";
import { nameOf } from "./route.js";

const MEDIA_PATH: MediaPath = "media/";

/** The most bytes that are fetched into memory where there is no worker. */
const MAX_IN_MEMORY = 256 << 20;

/** A worker gets a message this often while bytes flow, in milliseconds; browsers end one that hears nothing for 30 seconds. */
const SIGN_OF_LIFE_MS = 10_000;

/** How long a download may take to begin, in milliseconds. */
const START_MS = 60_000;

/** The types that an element may show. Whatever else an object says it is, the browser is given bytes to save. */
const SHOWN = /^(image|audio|video)\/[\w.+-]+$/;

interface Known {
  client: StorageClient;
  info: ObjectInfo;
  isDownload: boolean;
}

const known = new Map<string, Known>();
let flowing = 0;

/** Registers the worker and waits until it is there, or until it is clear that it will not be. */
export async function start(): Promise<void> {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return;
  try {
    await serviceWorker.register("./worker.js");
    serviceWorker.addEventListener("message", answer);
    setInterval(() => flowing > 0 && serviceWorker.controller?.postMessage("bytes flow"), SIGN_OF_LIFE_MS);
  } catch (error) {
    console.warn("there is no service worker:", error);
  }
}

/** An address of an object. The caller gives it back with `release`. */
export interface Address {
  url: string;
  release(): void;
}

/** An address from which an element can show the object; undefined where it is too large for that. */
export async function addressOf(client: StorageClient, info: ObjectInfo): Promise<Address | undefined> {
  if (navigator.serviceWorker?.controller) return byToken({ client, info, isDownload: false });
  return inMemory(client, info);
}

/** Saves an object as a file of the user. */
export async function save(client: StorageClient, info: ObjectInfo): Promise<void> {
  if (navigator.serviceWorker?.controller) {
    // Its address stays valid: the browser may ask for it again when it resumes the download.
    return inFrame(byToken({ client, info, isDownload: true }).url);
  }
  const address = await inMemory(client, info);
  if (!address) throw new Error("it is too large to be saved by this browser here; storage get can");
  const link = h("a", { href: address.url, download: nameOf(info.key) });
  link.click();
  setTimeout(() => address.release(), START_MS);
}

/**
 * Lets the browser save an attachment. A link with `download` does not reach the worker in every browser, and where the page
 * itself goes there, the browser asks whether to leave a page that uploads.
 */
function inFrame(url: string): void {
  const frame = h("iframe", { src: url, title: "Download", hidden: true });
  document.body.append(frame);
  setTimeout(() => frame.remove(), START_MS);
}

function byToken(object: Known): Address {
  const token = crypto.randomUUID();
  known.set(token, object);
  const url = new URL(`${MEDIA_PATH}${token}/${encodeURIComponent(nameOf(object.info.key))}`, document.baseURI).href;
  return { url, release: () => void known.delete(token) };
}

async function inMemory(client: StorageClient, info: ObjectInfo): Promise<Address | undefined> {
  if (info.size > MAX_IN_MEMORY) return undefined;
  const bytes = await (await client.download(info.key, { info })).bytes();
  const url = URL.createObjectURL(new Blob([bytes], { type: shownType(info) }));
  return { url, release: () => URL.revokeObjectURL(url) };
}

function shownType(info: ObjectInfo): string {
  const type = info.content_type ?? "";
  return SHOWN.test(type) ? type : "application/octet-stream";
}

async function answer({ data, ports }: MessageEvent<Ask>): Promise<void> {
  const [port] = ports;
  if (data.ask !== "media" || !port) return;
  const object = known.get(data.token);
  if (!object) return say(port, { unknown: true });
  const range = rangeOf(data.range, Number(object.info.size));
  if (!range) return say(port, { status: 416, headers: [["Content-Range", `bytes */${object.info.size}`]] });
  const { info, client } = object;
  const download = await client.download(info.key, { info, ...range });
  flow(download, port);
  say(port, { status: data.range ? 206 : 200, headers: headersOf(object, range, data.range !== null) });
}

function say(port: MessagePort, what: Begin | Piece): void {
  port.postMessage(what);
}

/** Gives the bytes of a download to the worker, a piece for each time that it asks. */
function flow(download: Download, port: MessagePort): void {
  const reader = download.stream.getReader();
  flowing += 1;
  const end = () => {
    flowing -= 1;
    port.close();
  };
  port.onmessage = async ({ data }: MessageEvent<Pull>) => {
    if (data === "cancel") {
      await reader.cancel().catch(() => undefined);
      return end();
    }
    try {
      const { done, value } = await reader.read();
      if (!done) return port.postMessage({ bytes: value } satisfies Piece, [value.buffer]);
      say(port, { done: true });
    } catch (error) {
      say(port, { failure: explain(error) });
    }
    end();
  };
}

interface Range {
  offset: number;
  length: number;
}

/** The range that a header asks for, all where there is none; undefined where it is not within the object. */
export function rangeOf(header: string | null, size: number): Range | undefined {
  if (header === null) return { offset: 0, length: size };
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return undefined;
  const offset = first === "" ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(Number(last) + 1, size);
  return offset < end ? { offset, length: end - offset } : undefined;
}

function headersOf({ info, isDownload }: Known, { offset, length }: Range, isPart: boolean): [string, string][] {
  const headers: [string, string][] = [
    ["Content-Type", isDownload ? "application/octet-stream" : shownType(info)],
    ["Content-Length", String(length)],
    ["Accept-Ranges", "bytes"],
    ["Cache-Control", "no-store"],
    ["X-Content-Type-Options", "nosniff"],
    // An object is somebody else's: opened by itself, it must not run as a part of this page.
    ["Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"],
  ];
  if (isPart) headers.push(["Content-Range", `bytes ${offset}-${offset + length - 1}/${info.size}`]);
  if (isDownload || shownType(info) === "application/octet-stream") {
    const name = encodeURIComponent(nameOf(info.key)).replace(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
    headers.push(["Content-Disposition", `attachment; filename*=UTF-8''${name}`]);
  }
  return headers;
}
