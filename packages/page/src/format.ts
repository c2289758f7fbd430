/** Numbers for people. */

const UNITS = ["KiB", "MiB", "GiB", "TiB"];

/** A size as in `1.2 GiB`. */
export function size(bytes: bigint | number): string {
  let value = Number(bytes);
  if (value < 1_024) return `${value} ${value === 1 ? "byte" : "bytes"}`;
  let unit = "";
  for (const next of UNITS) {
    if (value < 1_024) break;
    [value, unit] = [value / 1_024, next];
  }
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ${unit}`;
}

/** An exact number, with groups of digits. */
export function count(number: bigint | number): string {
  return number.toLocaleString("en-US");
}

/** A number of things, as in `1 object`. */
export function plural(number: bigint | number, one: string, many = `${one}s`): string {
  return `${count(number)} ${Number(number) === 1 ? one : many}`;
}

/** A time of the canister, in nanoseconds, as a date. */
export function dateOf(ns: bigint): Date {
  return new Date(Number(ns / 1_000_000n));
}

/** A time here, to the minute. */
export function time(ns: bigint): string {
  const date = dateOf(ns);
  const two = (number: number) => String(number).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** A share, as in `12.5 %`. */
export function share(part: bigint | number, whole: bigint | number): string {
  return `${whole == 0 ? "0" : ((Number(part) / Number(whole)) * 100).toFixed(1)} %`;
}

/**
 * A text of somebody else's on one line: characters that break the line or change its direction are shown as escapes, so that
 * two keys that differ do not look alike.
 */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (found) => `\\u{${found.codePointAt(0)!.toString(16)}}`);
}
