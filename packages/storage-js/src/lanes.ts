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
  const failure = new Failure();
  try {
    for (;;) {
      const next = await failure.or(Promise.resolve(iterator.next()));
      if (next.done) break;
      const one = work(next.value)
        .catch((error: unknown) => failure.is(error))
        .finally(() => underWay.delete(one));
      underWay.add(one);
      if (underWay.size >= width) await failure.or(Promise.race(underWay));
    }
    await failure.or(Promise.all(underWay));
  } catch (error) {
    // Not awaited: an iterator that waits for its next item ends when that has come.
    Promise.resolve(iterator.return?.()).catch(() => undefined);
    await Promise.all(underWay);
    throw error;
  }
}

/**
 * The first failure of several. `Promise.race` with one that lives as long as the work would keep every outcome, and so
 * every chunk of an upload, until its end.
 */
class Failure {
  #failed: { readonly error: unknown } | undefined;
  #notify: (error: unknown) => void = () => undefined;

  is(error: unknown): void {
    this.#failed ??= { error };
    this.#notify(this.#failed.error);
  }

  /** Waits for an outcome, or throws the failure as soon as there is one. Waits for one outcome at a time. */
  or<T>(outcome: Promise<T>): Promise<T> {
    return new Promise((done, fail) => {
      if (this.#failed) fail(this.#failed.error);
      this.#notify = fail;
      outcome.then(done, fail);
    });
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
