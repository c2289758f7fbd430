/** Work on many items, a bounded number of them at the same time. */

/**
 * Takes items and works on them, at most `width` at the same time. The next item is taken only when there is room for it. The first
 * failure is thrown when what is under way has ended; no item is taken after it, and the iterator is asked to end.
 */
export async function inLanes<T>(
  items: AsyncIterable<T> | Iterable<T>,
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  const underWay = new Set<Promise<void>>();
  let fail: (reason: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => undefined);
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), failed]);
      if (next.done) break;
      const one = work(next.value)
        .catch(fail)
        .finally(() => underWay.delete(one));
      underWay.add(one);
      if (underWay.size >= width) await Promise.race([...underWay, failed]);
    }
    await Promise.race([Promise.all(underWay), failed]);
  } catch (error) {
    // Not awaited: an iterator that waits for its next item ends when that has come.
    Promise.resolve(iterator.return?.()).catch(() => undefined);
    await Promise.all(underWay);
    throw error;
  }
}

/**
 * Begins work on items and yields the outcomes in the order of the items, at most `width` of them begun and not yet
 * taken.
 */
export async function* inOrder<T, R>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const begun: Promise<R>[] = [];
  const rest = items[Symbol.iterator]();
  const fill = () => {
    while (begun.length < width) {
      const { done, value } = rest.next();
      if (done) return;
      const one = work(value);
      // A failure is seen when its turn comes, or never, if the reader has left.
      one.catch(() => undefined);
      begun.push(one);
    }
  };
  for (fill(); begun.length > 0; fill()) yield await begun.shift()!;
}
