/** A folder published as a web site, in Chromium: its scripts, styles, pictures and videos come verified from the canister. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Page, Response } from "playwright-core";
import { complaintsOf, type Setup, setUp, until } from "./browser.js";
import { png, webm } from "./fixtures.js";

/** Bytes of a piece of a large object. */
const PIECE = 30 * 65_536;
const [WIDTH, HEIGHT] = [320, 180];
/** The video has a picture for each half second. */
const [PICTURES, MILLISECONDS] = [20, 500];

const PAGE = `<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <title>A site</title>
  <link rel="stylesheet" href="assets/style.css">
  <h1>A site</h1>
  <img src="assets/picture.png" alt="a gradient">
  <video src="assets/video.webm" muted></video>
  <script type="module" src="assets/app.js"></script>
</html>
`;
const SCRIPT = `document.body.dataset.script = "ran";\n${"// A comment that makes the script worth compressing.\n".repeat(40)}`;
const STYLE = "h1 { color: rgb(1, 2, 3); }\n";

/** The grey in the middle of the picture that the video shows. */
const GREY = `(() => {
  const context = new OffscreenCanvas(${WIDTH}, ${HEIGHT}).getContext("2d");
  context.drawImage(document.querySelector("video"), 0, 0);
  return context.getImageData(${WIDTH / 2}, ${HEIGHT / 2}, 1, 1).data[0];
})()`;

/** Key frames in VP8 from the browser's encoder. Each is grey, a bit lighter than the one before. */
async function frames(page: Page): Promise<Buffer[]> {
  const encoded = (await page.evaluate(`new Promise((done, failed) => {
    const chunks = [];
    const output = (chunk) => {
      const bytes = new Uint8Array(chunk.byteLength);
      chunk.copyTo(bytes);
      chunks.push([...bytes]);
    };
    const encoder = new VideoEncoder({ output, error: failed });
    encoder.configure({ codec: "vp8", width: ${WIDTH}, height: ${HEIGHT} });
    const canvas = new OffscreenCanvas(${WIDTH}, ${HEIGHT});
    const context = canvas.getContext("2d");
    for (let at = 0; at < ${PICTURES}; at += 1) {
      const grey = 20 + at * 10;
      context.fillStyle = "rgb(" + grey + "," + grey + "," + grey + ")";
      context.fillRect(0, 0, ${WIDTH}, ${HEIGHT});
      const frame = new VideoFrame(canvas, { timestamp: at * ${MILLISECONDS} * 1000 });
      encoder.encode(frame, { keyFrame: true });
      frame.close();
    }
    encoder.flush().then(() => done(chunks), failed);
  })`)) as number[][];
  return encoded.map((bytes) => Buffer.from(bytes));
}

describe("a published site", () => {
  let setup: Setup;
  let page: Page;
  let folder: string;
  let complaints: string[];
  const responses: Response[] = [];

  const publish = (...options: string[]): string => {
    const { served, pem } = setup;
    const at = ["--network", served.url, "--canister", served.canister, "--identity", pem, "--quiet"];
    return execFileSync(process.env["STORAGE_BIN"]!, [...at, "publish", folder, ...options], { encoding: "utf8" }).trim();
  };
  const response = (name: string): Response => responses.find((found) => found.url().endsWith(name))!;

  before(async () => {
    setup = await setUp();
    page = await setup.browser.newPage();
    page.setDefaultTimeout(20_000);
    await page.goto(setup.served.url);
    const video = webm(await frames(page), { width: WIDTH, height: HEIGHT }, MILLISECONDS, 300_000);
    assert.ok(video.length > 3 * PIECE, `${video.length} bytes`);
    folder = join(setup.folder, "dist");
    mkdirSync(join(folder, "assets"), { recursive: true });
    writeFileSync(join(folder, "index.html"), PAGE);
    writeFileSync(join(folder, "404.html"), "<!doctype html><title>Nothing</title><h1>Nothing</h1>");
    writeFileSync(join(folder, "assets/app.js"), SCRIPT);
    writeFileSync(join(folder, "assets/style.css"), STYLE);
    writeFileSync(join(folder, "assets/picture.png"), png(64, 48));
    writeFileSync(join(folder, "assets/video.webm"), video);
    complaints = complaintsOf(page);
    page.on("response", (found) => responses.push(found));
    const url = publish("--compress", "gzip,brotli");
    const { port } = new URL(setup.served.url);
    assert.equal(url, `http://${setup.served.canister}.localhost:${port}/`);
    await page.goto(url);
  });
  after(() => setup?.stop());

  it("runs its script and applies its style", async () => {
    await until(page, "document.body.dataset.script === 'ran'");
    assert.equal(await page.evaluate("getComputedStyle(document.querySelector('h1')).color"), "rgb(1, 2, 3)");
    assert.equal(response("app.js").headers()["content-encoding"], "br");
    assert.equal(response("style.css").headers()["content-type"], "text/css");
  });

  it("shows its picture", async () => {
    await until(page, "document.querySelector('img').naturalWidth === 64");
    assert.equal(response("picture.png").status(), 200);
  });

  it("plays its video, and seeks by ranges", async () => {
    await until(page, `document.querySelector('video').videoWidth === ${WIDTH}`);
    assert.equal(await page.evaluate("document.querySelector('video').duration"), (PICTURES * MILLISECONDS) / 1_000);
    await page.evaluate("document.querySelector('video').play()");
    await until(page, "document.querySelector('video').currentTime > 0");
    await page.evaluate("document.querySelector('video').pause()");
    // The event that ends a seek may come before the picture is painted.
    const seek = async (at: number, [from, to]: [number, number]): Promise<number> => {
      await page.evaluate(`document.querySelector("video").currentTime = ${(at * MILLISECONDS) / 1_000 + 0.1}`);
      await until(page, `((grey) => grey >= ${from} && grey <= ${to})(${GREY})`);
      return (await page.evaluate(GREY)) as number;
    };
    // Encoding may stretch the greys; they stay equally far from each other.
    const last = PICTURES - 1;
    const [lightest, darkest] = [await seek(last, [180, 255]), await seek(0, [0, 50])];
    for (const at of [2, PICTURES / 2, last - 2]) {
      const expected = darkest + ((lightest - darkest) * at) / last;
      await seek(at, [expected - 4, expected + 4]);
    }
    const parts = responses.filter((found) => found.url().endsWith("video.webm"));
    assert.ok(parts.every((part) => part.status() === 206), parts.map((part) => part.status()).join());
    const starts = parts.map((part) => Number(/^bytes (\d+)-/.exec(part.headers()["content-range"]!)![1]));
    assert.ok(starts.some((start) => start >= 2 * PIECE), `the ranges begin at ${starts.join()}`);
  });

  it("has a page for what does not exist", async () => {
    const missing = await page.goto(`${new URL("nothing/here", page.url()).href}`);
    assert.equal(missing!.status(), 404);
    assert.equal(await page.title(), "Nothing");
  });

  it("changes when it is published again", async () => {
    writeFileSync(join(folder, "assets/app.js"), SCRIPT.replace("ran", "ran again"));
    await page.goto(publish("--compress", "gzip,brotli"));
    await until(page, "document.body.dataset.script === 'ran again'");
    assert.deepEqual(complaints, []);
  });
});
