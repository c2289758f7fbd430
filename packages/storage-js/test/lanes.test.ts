import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { inLanes, inOrder } from "../src/lanes.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const later = () => new Promise<void>((done) => setImmediate(done));

describe("work in lanes", () => {
  for (const [name, run] of [
    ["inLanes", (items: AsyncGenerator<Uint8Array>, work: (item: Uint8Array) => Promise<void>) => inLanes(items, 3, work)],
    ["inOrder", async (items: AsyncGenerator<Uint8Array>, work: (item: Uint8Array) => Promise<void>) => {
      const indexes = Array.from({ length: 60 }, (_, at) => at);
      for await (const item of inOrder(indexes, 3, async () => (await items.next()).value as Uint8Array)) await work(item);
    }],
  ] as const) {
    it(`keeps no item after its work: ${name}`, async () => {
      const seen: WeakRef<Uint8Array>[] = [];
      let most = 0;
      async function* items() {
        for (let count = 0; count < 60; count += 1) yield new Uint8Array(1_000);
      }
      await run(items(), async (item) => {
        seen.push(new WeakRef(item));
        await later();
        collectGarbage();
        most = Math.max(most, seen.filter((ref) => ref.deref()).length);
      });
      assert.equal(seen.length, 60);
      assert.ok(most <= 10, `${most} items are in memory at the same time`);
    });
  }

  it("throws the first failure when what is under way has ended, and takes no item after it", async () => {
    let taken = 0;
    let ended = 0;
    function* items() {
      for (;;) yield (taken += 1);
    }
    const working = inLanes(items(), 3, async (item) => {
      await later();
      if (item === 2) throw new Error("two");
      await later();
      ended += 1;
    });
    await assert.rejects(working, /two/);
    assert.deepEqual([taken, ended], [3, 2]);
  });
});
