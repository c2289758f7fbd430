/** The page in Chromium against `storage serve`: what a person does with mouse and keyboard, and what axe finds. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Page } from "playwright-core";
import type { StorageClient } from "../../storage-js/src/index.js";
import { complaintsOf, type Setup, setUp, until } from "./browser.js";
import { noise, png, wav } from "./fixtures.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** How long the sound is. */
const SECONDS = 20;
const SCREENSHOTS = process.env["SCREENSHOTS"];
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Counts the chunks that the page sends, and holds up those after the first `held`, so that there is something to cancel. */
const COUNT_CHUNKS = `{
  const send = window.fetch;
  window.chunks = 0;
  window.held = Infinity;
  window.fetch = (address, options) => {
    if (!(options?.body?.byteLength > 500_000)) return send(address, options);
    window.chunks += 1;
    return window.chunks > window.held ? new Promise(() => undefined) : send(address, options);
  };
}`;

describe("the page", () => {
  let setup: Setup;
  let page: Page;
  let admin: StorageClient;
  let complaints: string[];

  before(async () => {
    setup = await setUp();
    ({ admin } = setup);
    const context = await setup.browser.newContext({ viewport: { width: 1100, height: 760 }, colorScheme: "light" });
    await context.addInitScript(COUNT_CHUNKS);
    page = await context.newPage();
    page.setDefaultTimeout(20_000);
    complaints = complaintsOf(page);
    await page.goto(setup.served.url);
  });
  after(() => setup?.stop());

  let isBroken = false;

  /** A test that needs those before it: the page is as they left it. */
  function step(name: string, run: () => Promise<void> | void): void {
    it(name, async () => {
      assert.ok(!isBroken, "a step before this one failed");
      isBroken = true;
      await run();
      isBroken = false;
    });
  }

  const heading = (name: string) => page.getByRole("heading", { level: 1, name, exact: true });
  const open = async (name: string) => {
    await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name }).click();
  };
  const row = (name: string) => page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
  const status = () => page.locator("#announcements");
  const announced = (text: string) => status().filter({ hasText: text }).waitFor({ state: "attached" });

  /** Nothing is wrong for a screen reader, in the light and in the dark. */
  async function isAccessible(what: string): Promise<void> {
    await page.evaluate(AXE);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      const found = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })") as { violations: { id: string; help: string; nodes: { html: string }[] }[] };
      const violations = found.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`);
      assert.deepEqual(violations, [], `${what}, ${colorScheme}`);
    }
    await page.emulateMedia({ colorScheme: "light" });
  }

  async function screenshot(name: string): Promise<void> {
    if (!SCREENSHOTS) return;
    mkdirSync(SCREENSHOTS, { recursive: true });
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
  }

  /** Presses Tab until the element with this name has the focus. */
  async function tabTo(name: string): Promise<void> {
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press("Tab");
      const focused = await page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent");
      if (focused === name) return;
    }
    assert.fail(`Tab does not come to ${name}`);
  }

  const upload = (...files: { name: string; mimeType: string; buffer: Buffer }[]) => page.setInputFiles("#chooser", files);

  step("says to an anonymous caller which role is needed, and leads to the identity by keyboard", async () => {
    await page.getByRole("alert").filter({ hasText: "This needs the role Reader." }).waitFor();
    await isAccessible("no role");
    await tabTo("Skip to the content");
    await tabTo("Identity");
    await page.keyboard.press("Enter");
    await heading("Identity").waitFor();
    assert.equal(await page.evaluate("document.activeElement.tagName"), "H1");
    await tabTo("Make an identity");
    await page.keyboard.press("Enter");
    await announced("The identity is made");
    await isAccessible("identity");
  });

  step("shows the command that gives the identity a role, which works", async () => {
    const command = await page.locator("dd code").filter({ hasText: "roles set" }).filter({ hasText: "writer" }).innerText();
    assert.match(command, /^storage --network \S+ --canister \S+ roles set \S+ writer$/);
    const [, ...args] = command.split(" ");
    execFileSync(process.env["STORAGE_BIN"]!, ["--identity", setup.pem, ...args], { cwd: setup.folder, stdio: "pipe" });
    const principal = await page.locator("dd code").first().innerText();
    assert.deepEqual((await admin.roles()).map(({ who }) => who.toText()), [principal]);
    await screenshot("page-identity");
  });

  step("keeps the identity when the page is loaded again", async () => {
    const principal = await page.locator("dd code").first().innerText();
    await page.reload();
    await heading("Identity").waitFor();
    assert.equal(await page.locator("dd code").first().innerText(), principal);
    await open("Files");
    await page.getByText("Nothing is here.").waitFor();
  });

  step("uploads files, small ones and one of several chunks, and lists them", async () => {
    await admin.putMany([
      { key: "photos/2026/dawn.png", value: png(400, 300), content_type: "image/png" },
      { key: "photos/readme.txt", value: "Pictures of the year.\n", content_type: "text/plain" },
    ]);
    await upload(
      { name: "notes.md", mimeType: "text/markdown", buffer: Buffer.from("# Notes\n\n<script>alert('no')</script> größer\n") },
      { name: "picture.png", mimeType: "image/png", buffer: png(640, 420) },
      { name: "silence.wav", mimeType: "audio/wav", buffer: wav(SECONDS) },
      { name: "noise.bin", mimeType: "application/octet-stream", buffer: noise(3_000_000) },
    );
    for (const name of ["notes.md", "picture.png", "silence.wav", "noise.bin", "photos"]) {
      await page.getByRole("rowheader").getByRole("link", { name: name === "photos" ? "photos/" : name, exact: true }).waitFor();
    }
    assert.equal((await admin.stat("noise.bin")).size, 3_000_000n);
    const [stored, bytes] = await Promise.all([admin.stat("noise.bin"), (await admin.download("noise.bin")).bytes()]);
    assert.equal(sha256(bytes), sha256(noise(3_000_000)));
    assert.equal(Buffer.from(stored.sha256!.digest).toString("hex"), sha256(bytes));
    await isAccessible("files");
    await screenshot("page-files");
  });

  step("asks before it replaces an object", async () => {
    await upload({ name: "notes.md", mimeType: "text/markdown", buffer: Buffer.from("# Notes, second edition\n") });
    const item = page.locator("#uploads li").filter({ hasText: "There is an object of this name." });
    await item.getByRole("button", { name: "Replace: upload of notes.md" }).click();
    await page.locator("#uploads li").filter({ hasText: "stored, 24 bytes" }).waitFor();
    assert.equal(new TextDecoder().decode(await admin.get("notes.md")), "# Notes, second edition\n");
  });

  step("shows a text as text", async () => {
    await admin.put("notes.md", "# Notes\n\n<script>alert('no')</script> größer\n", { content_type: "text/markdown" });
    await page.getByRole("link", { name: "notes.md", exact: true }).click();
    await heading("notes.md").waitFor();
    assert.equal(await page.locator("pre").innerText(), "# Notes\n\n<script>alert('no')</script> größer\n");
    await page.getByRole("button", { name: "Verify" }).click();
    await page.getByRole("status").filter({ hasText: "verified" }).waitFor();
    await isAccessible("a text");
    await page.goBack();
    await heading("All files").waitFor();
  });

  step("shows a picture, and goes through folders", async () => {
    await page.getByRole("link", { name: "photos/", exact: true }).click();
    await heading("photos/").waitFor();
    await page.getByRole("link", { name: "2026/", exact: true }).click();
    await page.getByRole("link", { name: "dawn.png", exact: true }).click();
    const picture = page.getByRole("img", { name: "dawn.png" });
    await picture.waitFor();
    await until(page, "document.querySelector('.preview img').naturalWidth === 400");
    assert.match((await picture.getAttribute("src"))!, /\/media\//);
    await isAccessible("a picture");
    await screenshot("page-picture");
    await page.getByRole("navigation", { name: "Folder" }).getByRole("link", { name: "photos/" }).click();
    await heading("photos/").waitFor();
    await page.getByRole("navigation", { name: "Folder" }).getByRole("link", { name: "All files" }).click();
  });

  step("plays a sound by ranges, and seeks in it", async () => {
    await page.getByRole("link", { name: "silence.wav", exact: true }).click();
    await until(page, "document.querySelector('audio')?.duration === 20");
    await page.evaluate("new Promise((done) => { const audio = document.querySelector('audio'); audio.onseeked = done; audio.currentTime = 15; })");
    const address = (await page.locator("audio").getAttribute("src"))!;
    const part = await page.evaluate(`fetch(${JSON.stringify(address)}, { headers: { Range: "bytes=40-47" } }).then(async (response) =>
      [response.status, response.headers.get("Content-Range"), [...new Uint8Array(await response.arrayBuffer())]])`);
    const bytes = wav(SECONDS);
    assert.deepEqual(part, [206, `bytes 40-47/${bytes.length}`, [...bytes.subarray(40, 48)]]);
    const outside = await page.evaluate(`fetch(${JSON.stringify(address)}, { headers: { Range: "bytes=99999999-" } }).then((response) => response.status)`);
    assert.equal(outside, 416);
    await isAccessible("a sound");
    await open("Files");
    await heading("All files").waitFor();
    const gone = await page.evaluate(`fetch(${JSON.stringify(address)}).then((response) => response.status)`);
    assert.equal(gone, 404, "the address ends with the view");
  });

  step("does not let an object run as a page", async () => {
    await admin.put("evil.svg", "<svg xmlns='http://www.w3.org/2000/svg'><script>parent.document.title = 'taken'</script></svg>", { content_type: "image/svg+xml" });
    await admin.put("evil.html", "<script>document.title = 'taken'</script>", { content_type: "text/html" });
    await page.goto(`${page.url().split("#")[0]}#/object/evil.svg`);
    const address = (await page.locator(".preview img").getAttribute("src"))!;
    const headers = await page.evaluate(`fetch(${JSON.stringify(address)}).then((response) => [...response.headers])`) as [string, string][];
    assert.match(new Map(headers).get("content-security-policy")!, /^sandbox; default-src 'none'/);
    await page.goto(`${page.url().split("#")[0]}#/object/evil.html`);
    assert.equal(await page.locator("pre").innerText(), "<script>document.title = 'taken'</script>");
    await page.goto(`${page.url().split("#")[0]}#/object/no-such-thing`);
    await page.getByRole("alert").filter({ hasText: "Nothing has this key." }).waitFor();
    await open("Files");
  });

  step("downloads an object", async () => {
    const coming = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download noise.bin" }).click();
    const download = await coming;
    assert.equal(download.suggestedFilename(), "noise.bin");
    assert.equal(sha256(readFileSync(await download.path())), sha256(noise(3_000_000)));
  });

  step("renames and deletes by keyboard, and gives the focus back", async () => {
    await heading("All files").focus();
    await tabTo("Rename picture.png");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Rename or move" }).waitFor();
    await isAccessible("the dialog to rename");
    assert.equal(await page.evaluate("document.activeElement.value"), "picture.png");
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate("document.activeElement.getAttribute('aria-label')"), "Rename picture.png");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Control+a");
    await page.keyboard.type("notes.md");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "There is an object of this name." }).waitFor();
    await page.keyboard.press("Control+a");
    await page.keyboard.type("pictures/first.png");
    await page.keyboard.press("Enter");
    await announced("picture.png is now pictures/first.png");
    await page.getByRole("link", { name: "pictures/", exact: true }).waitFor();
    assert.equal(await page.evaluate("document.activeElement.tagName"), "H1");
    await tabTo("Delete notes.md");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Delete" }).waitFor();
    await isAccessible("the dialog to delete");
    await tabTo("Delete");
    await page.keyboard.press("Enter");
    await announced("Deleted notes.md");
    await row("notes.md").waitFor({ state: "detached" });
  });

  step("deletes a folder after it has said what is in it", async () => {
    await page.getByRole("button", { name: "Delete photos/" }).click();
    const dialog = page.getByRole("dialog", { name: "Delete a folder" });
    await dialog.getByText("2 objects under photos/").waitFor();
    await dialog.getByRole("button", { name: "Delete all of it" }).click();
    await announced("Deleted 2 objects under photos/");
    await row("photos/").waitFor({ state: "detached" });
  });

  step("takes files that are dropped", async () => {
    await page.evaluate(`{
      const transfer = new DataTransfer();
      transfer.items.add(new File(["dropped"], "dropped.txt", { type: "text/plain" }));
      document.querySelector(".files").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }`);
    await row("dropped.txt").waitFor();
    assert.equal(new TextDecoder().decode(await admin.get("dropped.txt")), "dropped");
  });

  step("cancels an upload, shows that it is incomplete, and resumes it without sending a chunk twice", async () => {
    const file = noise(9_900_000);
    await page.evaluate("[window.chunks, window.held] = [0, 2]");
    await upload({ name: "big.bin", mimeType: "application/octet-stream", buffer: file });
    const item = page.locator("#uploads li").filter({ hasText: "big.bin" });
    await item.filter({ hasText: "3.88 MiB of" }).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download dropped.txt" }).click(),
    ]);
    assert.equal(readFileSync(await download.path(), "utf8"), "dropped", "also while something is uploaded");
    await item.getByRole("button", { name: "Cancel" }).click();
    await item.filter({ hasText: "cancelled" }).waitFor();
    await isAccessible("uploads");
    const [open] = await admin.uploads();
    const sent = Number(open!.received / open!.upload.chunk_size);
    await page.reload();
    await page.getByText("big.bin: 3.88 MiB of 9.44 MiB").waitFor();
    await isAccessible("an incomplete upload");
    await upload({ name: "big.bin", mimeType: "application/octet-stream", buffer: file });
    await announced("Stored big.bin");
    assert.equal(await page.evaluate("window.chunks"), 5 - sent);
    assert.equal(sha256(await (await admin.download("big.bin")).bytes()), sha256(file));
  });

  step("shows the log, what is appended meanwhile, and appends", async () => {
    await admin.append("the first line", "the second line");
    await open("Log");
    const entries = page.getByRole("log");
    await entries.getByText("the second line").waitFor();
    await admin.append("from elsewhere");
    await entries.getByText("from elsewhere").waitFor();
    await page.getByLabel("New entry").fill("from the page");
    await page.keyboard.press("Enter");
    await entries.getByText("from the page").waitFor();
    assert.deepEqual(await admin.readLast(1), ["from the page"]);
    await isAccessible("the log");
  });

  step("shows how full the store is", async () => {
    await open("Status");
    await page.getByRole("table", { name: /^Capacity/ }).waitFor();
    assert.equal(await page.locator("svg.bar").count(), 3);
    await isAccessible("status");
    await page.emulateMedia({ colorScheme: "dark" });
    await screenshot("page-status");
    await page.emulateMedia({ colorScheme: "light" });
  });

  step("can be used on a small screen", async () => {
    await page.setViewportSize({ width: 360, height: 640 });
    for (const view of ["Files", "Log", "Status", "Identity"]) {
      await open(view);
      await page.locator("main:not([aria-busy]) h1").waitFor();
      const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
      assert.ok((overflow as number) <= 0, `${view} is ${overflow} pixels too wide`);
    }
    await page.setViewportSize({ width: 1100, height: 760 });
  });

  step("calls anonymously and forgets the identity when it is asked to", async () => {
    await open("Identity");
    await page.getByRole("button", { name: "Call anonymously" }).click();
    await announced("Calls are anonymous now");
    await open("Files");
    await page.getByRole("alert").filter({ hasText: "This needs the role Reader." }).waitFor();
    await open("Identity");
    await page.getByRole("button", { name: "Forget it" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Forget it" }).click();
    await page.getByRole("button", { name: "Make an identity" }).waitFor();
  });

  step("has written no error to the console, and no policy was violated", () => {
    assert.deepEqual(complaints, []);
  });
});
