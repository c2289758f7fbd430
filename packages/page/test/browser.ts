/** What the tests of the page share: a browser, a served store, and an admin of it. */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ed25519KeyIdentity } from "@icp-sdk/core/identity";
import { type Browser, chromium, type Page } from "playwright-core";
import { serve, type Served } from "../../storage-js/served/serve.js";
import { StorageClient } from "../../storage-js/src/index.js";

/** A browser beside a store that is served. */
export interface Setup {
  readonly browser: Browser;
  readonly served: Served;
  readonly admin: StorageClient;
  /** A file with the admin's key, for the command line. */
  readonly pem: string;
  readonly folder: string;
  stop(): Promise<void>;
}

/** Serves a store and starts Chromium. */
export async function setUp(): Promise<Setup> {
  const folder = mkdtempSync(join(tmpdir(), "storage-page-"));
  const { pem, identity } = adminKey(folder);
  const served = await serve({ controllers: [identity.getPrincipal().toText()] });
  const admin = await StorageClient.connect({ canister: served.canister, network: served.url, identity });
  const browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
  });
  const stop = async () => {
    await browser.close();
    await served.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { browser, served, admin, pem, folder, stop };
}

function adminKey(folder: string) {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = join(folder, "admin.pem");
  writeFileSync(pem, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  const seed = privateKey.export({ type: "pkcs8", format: "der" }).subarray(-32);
  return { pem, identity: Ed25519KeyIdentity.fromSecretKey(new Uint8Array(seed)) };
}

/** Collects what a page complains of. An answer of 4xx is written to the console by the browser itself. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    const isOwn = !message.text().includes("Failed to load resource");
    if (message.type() === "error" && isOwn) complaints.push(message.text());
  });
  return complaints;
}

/** Waits until an expression is true. Playwright's own wait is code that the page's policy forbids. */
export async function until(page: Page, expression: string): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (await page.evaluate(expression)) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`${expression} does not become true`);
}
