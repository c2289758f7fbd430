/** The page where things are different: another web server, a browser with less, a large folder, a video. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { BrowserContextOptions, Page } from "playwright-core";
import { Role } from "../../storage-js/src/index.js";
import { complaintsOf, type Setup, setUp, until } from "./browser.js";
import { noise, png } from "./fixtures.js";

const BUILT = fileURLToPath(new URL("../../../../../crates/cli/page/", import.meta.url));

const TYPES: Record<string, string> = { html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml" };

/** A web server that has the files of the page and knows of no canister. */
async function plainServer(): Promise<Server> {
  const server = createServer((request, response) => {
    const [, name] = /^\/([\w.]*)/.exec(request.url ?? "") ?? [];
    try {
      const bytes = readFileSync(`${BUILT}${name || "index.html"}`);
      response.setHeader("Content-Type", TYPES[(name || "index.html").split(".").at(-1)!] ?? "text/plain");
      response.end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return server;
}

describe("the page elsewhere", () => {
  let setup: Setup;

  before(async () => {
    setup = await setUp();
    const { admin } = setup;
    await admin.configure({ public_read: true });
    await admin.put("dawn.png", png(400, 300), { content_type: "image/png" });
    await admin.upload("noise.bin", noise(2_500_000));
  });
  after(() => setup?.stop());

  async function opened(address: string, options: BrowserContextOptions = {}, script?: string): Promise<Page> {
    const context = await setup.browser.newContext(options);
    if (script) await context.addInitScript(script);
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    await page.goto(address);
    return page;
  }

  it("is about the canister that its address names, from any web server", async () => {
    const server = await plainServer();
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { canister, url } = setup.served;
    const page = await opened(`${origin}/?canister=${canister}&network=${url}`);
    await page.getByRole("link", { name: "dawn.png" }).click();
    await until(page, "document.querySelector('.preview img')?.naturalWidth === 400");
    await page.goto(`${origin}/`);
    await page.getByRole("alert").filter({ hasText: "no canister is named" }).waitFor();
    await page.goto(`${origin}/?canister=ryjl3-tyaaa-aaaaa-aaaba-cai&network=${url}`);
    await page.getByRole("alert").waitFor();
    await page.context().close();
    server.close();
  });

  it("does without a service worker and without Ed25519 in the browser", async () => {
    const without = "crypto.subtle.generateKey = () => Promise.reject(new Error('no Ed25519'))";
    const page = await opened(`${setup.served.url}/#/identity`, { serviceWorkers: "block" }, without);
    await page.getByRole("button", { name: "Make an identity" }).click();
    const principal = await page.locator("dd code").first().innerText();
    await setup.admin.setRole(principal, Role.Writer);
    await page.reload();
    assert.equal(await page.locator("dd code").first().innerText(), principal);
    await page.goto(`${setup.served.url}/#/object/dawn.png`);
    await until(page, "document.querySelector('.preview img')?.naturalWidth === 400");
    assert.match((await page.locator(".preview img").getAttribute("src"))!, /^blob:/);
    const coming = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download dawn.png" }).click();
    assert.ok(readFileSync(await (await coming).path()).equals(png(400, 300)));
    await page.goto(`${setup.served.url}/#/files/`);
    await page.setInputFiles("#chooser", { name: "new.txt", mimeType: "text/plain", buffer: Buffer.from("new") });
    await page.getByRole("link", { name: "new.txt" }).waitFor();
    assert.equal((await setup.admin.stat("new.txt")).owner?.toText(), principal);
    await page.context().close();
  });

  it("shows a large folder in parts", async () => {
    const names = Array.from({ length: 250 }, (_, at) => `many/${String(at).padStart(3, "0")}`);
    await setup.admin.putMany(names.map((key) => ({ key, value: key })));
    const page = await opened(`${setup.served.url}/#/files/many/`);
    await page.getByText("200 items so far").waitFor();
    await page.getByRole("button", { name: "Show more" }).click();
    await page.getByText("250 items").waitFor();
    assert.equal(await page.getByRole("rowheader").count(), 250);
    assert.equal(await page.evaluate("document.activeElement.textContent"), "200", "the first new row has the focus");
    await page.context().close();
  });

  it("plays a video by ranges", async () => {
    const page = await opened(setup.served.url);
    const complaints = complaintsOf(page);
    // The browser makes the video itself, a second of a moving square.
    const video = (await page.evaluate(`new Promise((done) => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [320, 180];
      const context = canvas.getContext("2d");
      const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: "video/webm" });
      recorder.ondataavailable = async ({ data }) => done([...new Uint8Array(await data.arrayBuffer())]);
      recorder.start();
      let x = 0;
      const timer = setInterval(() => {
        context.fillStyle = "navy"; context.fillRect(0, 0, 320, 180);
        context.fillStyle = "gold"; context.fillRect((x += 8) % 320, 60, 60, 60);
        if (x > 240) { clearInterval(timer); recorder.stop(); }
      }, 30);
    })`)) as number[];
    await setup.admin.put("square.webm", new Uint8Array(video), { content_type: "video/webm" });
    await page.goto(`${setup.served.url}/#/object/square.webm`);
    await until(page, "document.querySelector('video')?.videoWidth === 320");
    await page.evaluate("document.querySelector('video').play()");
    await until(page, "document.querySelector('video').currentTime > 0");
    assert.match((await page.locator("video").getAttribute("src"))!, /\/media\//);
    assert.deepEqual(complaints, []);
    await page.context().close();
  });

  it("says that the server does not answer", async () => {
    const page = await opened(setup.served.url);
    await page.getByRole("link", { name: "dawn.png" }).waitFor();
    await page.route("**/api/**", (route) => route.abort());
    await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Status" }).click();
    await page.getByRole("alert").filter({ hasText: "Is the server running?" }).waitFor({ timeout: 60_000 });
    await page.context().close();
  });
});
