/** Files for the browser to upload, made here so that the repository has no binaries. */
import { crc32, deflateSync } from "node:zlib";

/** A picture: `width` by `height` pixels of a gradient, as PNG. */
export function png(width: number, height: number): Buffer {
  const rows = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = y * (width * 3 + 1) + 1 + x * 3;
      rows[at] = 30 + (x * 180) / width;
      rows[at + 1] = 90 + (y * 120) / height;
      rows[at + 2] = 200 - (x * 60) / width;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, part("IHDR", header), part("IDAT", deflateSync(rows)), part("IEND", Buffer.alloc(0))]);
}

function part(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** A sound: that many seconds of silence, as WAV with 48,000 samples of two channels a second. */
export function wav(seconds: number): Buffer {
  const data = Buffer.alloc(seconds * 48_000 * 4);
  const header = Buffer.alloc(44);
  header.write("RIFF", 0, "latin1");
  header.writeUInt32LE(36 + data.length, 4);
  header.write("WAVEfmt ", 8, "latin1");
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(2, 22);
  header.writeUInt32LE(48_000, 24);
  header.writeUInt32LE(48_000 * 4, 28);
  header.writeUInt16LE(4, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36, "latin1");
  header.writeUInt32LE(data.length, 40);
  return Buffer.concat([header, data]);
}

/** Bytes without a pattern. */
export function noise(length: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = 7;
  for (let at = 0; at < words.length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    words[at] = state;
  }
  return Buffer.from(words.buffer, 0, length);
}

/** A video of still pictures, as WebM: `frames` are key frames in VP8, one for each `milliseconds`. Each is followed by `padding` bytes. */
export function webm(frames: Buffer[], size: { width: number; height: number }, milliseconds: number, padding: number): Buffer {
  const start = element(0x1a45dfa3, number(0x4286, 1), number(0x42f7, 1), number(0x42f2, 4), number(0x42f3, 8), text(0x4282, "webm"), number(0x4287, 2), number(0x4285, 2));
  const duration = Buffer.alloc(8);
  duration.writeDoubleBE(frames.length * milliseconds);
  const info = element(0x1549a966, number(0x2ad7b1, 1_000_000), element(0x4489, duration), text(0x4d80, "test"), text(0x5741, "test"));
  const video = element(0xe0, number(0xb0, size.width), number(0xba, size.height));
  const tracks = element(0x1654ae6b, element(0xae, number(0xd7, 1), number(0x73c5, 1), number(0x83, 1), text(0x86, "V_VP8"), video));
  const clusters = frames.map((frame, at) => {
    const block = element(0xa3, Buffer.from([0x81, 0, 0, 0x80]), frame);
    return element(0x1f43b675, number(0xe7, at * milliseconds), block, element(0xec, noise(padding)));
  });
  // Where each cluster begins: a player that seeks reads there. The length of the table does not depend on its numbers.
  const cues = (first: number) => {
    let position = first;
    const points = clusters.map((cluster, at) => {
      const point = element(0xbb, number(0xb3, at * milliseconds), element(0xb7, number(0xf7, 1), number(0xf1, position)));
      position += cluster.length;
      return point;
    });
    return element(0x1c53bb6b, ...points);
  };
  const first = info.length + tracks.length + cues(0).length;
  return Buffer.concat([start, element(0x18538067, info, tracks, cues(first), ...clusters)]);
}

/** An element of EBML. */
function element(id: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const name = Buffer.from(id.toString(16), "hex");
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(content.length) | (1n << 56n));
  return Buffer.concat([name, length, content]);
}

function number(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return element(id, bytes);
}

function text(id: number, value: string): Buffer {
  return element(id, Buffer.from(value, "latin1"));
}
