// What gates gave, as a small plot over time: the new version's number, the former one's, and the limit.

import { el, svg } from "./dom.js";

const WIDTH = 320;
const HEIGHT = 74;
const LEFT = 4;

function number(value) {
  if (value === null || value === undefined) return "no data";
  return Math.abs(value) < 0.1 ? value.toFixed(4) : value.toFixed(3);
}

export function plot(gate, readings) {
  const last = readings.at(-1) ?? {};
  const limit = [...readings].reverse().find((one) => one.limit !== null)?.limit ?? null;
  const values = readings.flatMap((one) => [one.value, one.compared, one.limit]).filter((value) => typeof value === "number");
  const top = Math.max(...values, Number.MIN_VALUE) * 1.15;
  const from = readings[0]?.at ?? 0;
  const until = Math.max(last.at ?? 0, from + 20_000);
  const x = (at) => LEFT + ((at - from) / (until - from)) * (WIDTH - LEFT - 12);
  const y = (value) => HEIGHT - 4 - (value / top) * (HEIGHT - 10);
  const line = (pick, name) => {
    let path = "";
    let open = false;
    for (const one of readings) {
      const value = pick(one);
      if (typeof value !== "number") {
        open = false;
        continue;
      }
      path += `${open ? "L" : "M"}${x(one.at).toFixed(1)} ${y(value).toFixed(1)}`;
      open = true;
    }
    return path ? svg("path", { d: path, class: name }) : null;
  };
  const waves = readings.filter((one, at) => at > 0 && one.wave !== readings[at - 1].wave);
  const words = `${gate}: ${number(last.value)}, limit ${number(limit)}, ${last.reading ?? "not asked"}`;
  const picture = svg(
    "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "plot", role: "img", "aria-label": words },
    waves.map((one) => svg("line", { class: "wave", x1: x(one.at), x2: x(one.at), y1: 2, y2: HEIGHT - 4 })),
    svg("line", { class: "axis", x1: LEFT, x2: WIDTH, y1: HEIGHT - 4, y2: HEIGHT - 4 }),
    limit === null ? null : svg("line", { class: "limit", x1: LEFT, x2: WIDTH, y1: y(limit), y2: y(limit) }),
    line((one) => one.compared, "former"),
    line((one) => one.value, "new"),
    readings.map((one) => (typeof one.value === "number" ? mark(one.reading, x(one.at), y(one.value)) : null)),
  );
  const compared = typeof last.compared === "number" ? ` · former ${number(last.compared)}` : "";
  return el(
    "figure", { class: `gate r-${(last.reading ?? "").replace(" ", "-")}` },
    el("figcaption", {}, el("b", {}, gate), ` ${number(last.value)}${compared} · limit ${number(limit)} · `, el("span", { class: "reading" }, last.reading ?? "")),
    picture,
  );
}

// A pass is a dot, a failure a triangle.
function mark(reading, x, y) {
  if (reading === "fail") {
    return svg("path", { class: "fail", d: `M${x} ${y - 4}l4 7h-8z` });
  }
  return svg("circle", { class: reading === "pass" ? "pass" : "none", cx: x, cy: y, r: 2.2 });
}
