/**
 * The service worker. It makes objects look like files of a server to `<video>`, `<audio>`, `<img>` and downloads: they ask for
 * ranges, it asks the page, and the page asks the canister. It keeps nothing, so that the browser may end it at any time.
 */
import type { Ask, Begin, MediaPath, Piece, Pull } from "./media-types.js";

declare const self: ServiceWorkerGlobalScope;

const MEDIA_PATH: MediaPath = "media/";

/** How long a page may take to say whether it knows a token, in milliseconds. */
const PATIENCE_MS = 15_000;

self.addEventListener("install", () => void self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
// The page says something now and then while bytes flow, so that the browser does not end the worker.
self.addEventListener("message", () => undefined);

self.addEventListener("fetch", (event) => {
  const media = new URL(MEDIA_PATH, self.registration.scope).href;
  if (!event.request.url.startsWith(media)) return;
  const [token = ""] = event.request.url.slice(media.length).split("/");
  event.respondWith(answer(token, event.request.headers.get("Range")));
});

async function answer(token: string, range: string | null): Promise<Response> {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  try {
    return await Promise.any(pages.map((page) => answerOf(page, { ask: "media", token, range })));
  } catch {
    return new Response("The page that knows this object is closed.", { status: 404 });
  }
}

/** The response that a page gives; fails where it does not know the token. */
function answerOf(page: Client, ask: Ask): Promise<Response> {
  const { port1: port, port2 } = new MessageChannel();
  return new Promise((done, fail) => {
    const timer = setTimeout(() => fail(new Error("no answer")), PATIENCE_MS);
    port.onmessage = ({ data }: MessageEvent<Begin>) => {
      clearTimeout(timer);
      if ("unknown" in data) fail(new Error("not its token"));
      else done(new Response(bodyOf(port), data));
    };
    page.postMessage(ask, [port2]);
  });
}

function bodyOf(port: MessagePort): ReadableStream<Uint8Array> {
  const say = (word: Pull) => port.postMessage(word);
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) =>
        new Promise((done) => {
          port.onmessage = ({ data }: MessageEvent<Piece>) => {
            if ("bytes" in data) controller.enqueue(data.bytes);
            else if ("done" in data) controller.close();
            else controller.error(new Error(data.failure));
            done();
          };
          say("pull");
        }),
      cancel: () => say("cancel"),
    },
    { highWaterMark: 0 },
  );
}
