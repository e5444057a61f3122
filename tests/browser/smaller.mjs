// Makes a picture of a page small: its 256 most frequent colours, and each other one as the nearest of them.
import { readFileSync, writeFileSync } from "node:fs";
import zlib from "node:zlib";

const HEAD = 8;

function read(path) {
  const source = readFileSync(path);
  const packed = [];
  let head;
  for (let at = HEAD; at < source.length; ) {
    const length = source.readUInt32BE(at);
    const kind = source.toString("latin1", at + 4, at + 8);
    const data = source.subarray(at + 8, at + 8 + length);
    if (kind === "IHDR") head = data;
    if (kind === "IDAT") packed.push(data);
    at += 12 + length;
  }
  const [width, height, depth] = [head.readUInt32BE(0), head.readUInt32BE(4), head[9] === 6 ? 4 : 3];
  return { width, height, depth, rows: unfilter(zlib.inflateSync(Buffer.concat(packed)), width * depth, height, depth) };
}

// Each row of a PNG is told as the difference from what is left of it, above it, or both.
function unfilter(raw, stride, height, depth) {
  const rows = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const left = x >= depth ? rows[y * stride + x - depth] : 0;
      const up = y > 0 ? rows[(y - 1) * stride + x] : 0;
      const corner = x >= depth && y > 0 ? rows[(y - 1) * stride + x - depth] : 0;
      const [a, b, c] = [left, up, corner].map((near) => Math.abs(left + up - corner - near));
      const paeth = a <= b && a <= c ? left : b <= c ? up : corner;
      const guess = [0, left, up, (left + up) >> 1, paeth][filter];
      rows[y * stride + x] = raw[y * (stride + 1) + 1 + x] + guess;
    }
  }
  return rows;
}

export function smaller(path) {
  const { width, height, depth, rows } = read(path);
  const counts = new Map();
  const colour = (at) => (rows[at] << 16) | (rows[at + 1] << 8) | rows[at + 2];
  for (let at = 0; at < rows.length; at += depth) counts.set(colour(at), (counts.get(colour(at)) ?? 0) + 1);
  const palette = [...counts].sort((one, two) => two[1] - one[1]).slice(0, 256).map(([colour]) => colour);
  const places = new Map(palette.map((colour, at) => [colour, at]));
  const parts = (colour) => [colour >> 16, (colour >> 8) & 255, colour & 255];
  const nearest = (colour) => {
    const [r, g, b] = parts(colour);
    const far = palette.map((other) => parts(other)).map(([x, y, z]) => (r - x) ** 2 + (g - y) ** 2 + (b - z) ** 2);
    return far.indexOf(Math.min(...far));
  };
  const body = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const seen = colour((y * width + x) * depth);
      if (!places.has(seen)) places.set(seen, nearest(seen));
      body[y * (width + 1) + 1 + x] = places.get(seen);
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3], 8);
  const chunk = (kind, data) => {
    const whole = Buffer.concat([Buffer.from(kind, "latin1"), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(zlib.crc32(whole), 4);
    return Buffer.concat([ends.subarray(0, 4), whole, ends.subarray(4)]);
  };
  const colours = Buffer.from(palette.flatMap(parts));
  const pixels = zlib.deflateSync(body, { level: 9 });
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  writeFileSync(path, Buffer.concat([signature, chunk("IHDR", head), chunk("PLTE", colours), chunk("IDAT", pixels), chunk("IEND", Buffer.alloc(0))]));
}
