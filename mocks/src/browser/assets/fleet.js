// The fleet: a dot a server, grouped by channel; its version is told by colour and by shape.

import { $, el, fill, post } from "./dom.js";
import { goTo } from "./grid.js";

// Okabe and Ito's colours, which people who see colours otherwise tell apart, too; and a shape for each.
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#7a7a7a"];
const SHAPES = ["circle", "square", "triangle", "diamond", "plus", "bar", "ring"];
const SIZE = 12;

const drawn = new Map();
let away = false;
let chosen = null;
// Channels that had a rollout come first, so that its waves are in view.
let first = new Set();

// Each version of a channel keeps its look: a new one gets the next that nobody has. The most frequent one comes first.
function looks(held, counts) {
  for (const version of held.keys()) if (!counts.has(version) && held.size >= COLOURS.length) held.delete(version);
  const most = [...counts].sort((one, two) => two[1] - one[1]);
  for (const [version] of most) {
    if (held.has(version)) continue;
    const taken = new Set(held.values());
    const free = COLOURS.findIndex((_, at) => !taken.has(at));
    held.set(version, free < 0 ? COLOURS.length - 1 : free);
  }
  return held;
}

function shape(pen, at, x, y, r) {
  pen.beginPath();
  const kind = SHAPES[at];
  if (kind === "circle" || kind === "ring") pen.arc(x, y, r, 0, 7);
  else if (kind === "square") pen.rect(x - r * 0.88, y - r * 0.88, r * 1.76, r * 1.76);
  else if (kind === "triangle") polygon(pen, [[x, y - r * 1.1], [x + r * 1.1, y + r * 0.85], [x - r * 1.1, y + r * 0.85]]);
  else if (kind === "diamond") polygon(pen, [[x, y - r * 1.2], [x + r * 1.2, y], [x, y + r * 1.2], [x - r * 1.2, y]]);
  else if (kind === "bar") pen.rect(x - r * 1.1, y - r * 0.5, r * 2.2, r);
  else {
    pen.rect(x - r * 0.4, y - r * 1.1, r * 0.8, r * 2.2);
    pen.rect(x - r * 1.1, y - r * 0.4, r * 2.2, r * 0.8);
  }
  pen.strokeStyle = pen.fillStyle = COLOURS[at];
  if (kind === "ring") {
    pen.lineWidth = 2;
    pen.stroke();
  } else pen.fill();
}

function polygon(pen, points) {
  points.forEach(([x, y], at) => (at === 0 ? pen.moveTo(x, y) : pen.lineTo(x, y)));
  pen.closePath();
}

export function take(fleet, isAway) {
  if (isAway !== undefined) away = isAway;
  if (fleet) {
    fleet.channels.forEach(draw);
    const names = new Set(fleet.channels.map(({ name }) => name));
    for (const [name, { box }] of drawn) {
      if (names.has(name)) continue;
      box.remove();
      drawn.delete(name);
    }
    if (chosen) tell();
  } else for (const { channel } of [...drawn.values()]) draw(channel);
}

export function takeRollouts({ courses }) {
  first = new Set(Object.keys(courses));
  for (const [name, { box }] of drawn) box.style.order = first.has(name) ? -1 : 0;
}

function draw(channel) {
  let held = drawn.get(channel.name);
  if (!held) {
    const canvas = el("canvas", { role: "img", tabindex: 0 });
    const legend = el("ul", { class: "legend" });
    const box = el("div", { class: "channel" }, el("h3", {}, channel.name), canvas, legend);
    held = { canvas, legend, box, at: -1, looks: new Map() };
    drawn.set(channel.name, held);
    canvas.addEventListener("click", (event) => pick(held, indexAt(held, event)));
    canvas.addEventListener("keydown", (event) => keyed(held, event));
    canvas.addEventListener("blur", () => {
      held.at = -1;
      paint(held);
    });
    new ResizeObserver(() => paint(held)).observe(box);
    box.style.order = first.has(channel.name) ? -1 : 0;
    $("channels").append(box);
  }
  held.channel = channel;
  const counts = new Map();
  let ended = 0;
  for (const [, , version, state] of channel.servers) {
    if (state === "shutting-down" || state === "terminated") ended++;
    else counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  looks(held.looks, counts);
  const parts = [...counts].sort((one, two) => two[1] - one[1]);
  fill(held.legend, parts.map(([version, count]) => {
    const mark = el("canvas", { width: 24, height: 24, "aria-hidden": "true" });
    shape(mark.getContext("2d"), held.looks.get(version), 12, 12, 8);
    return el("li", {}, mark, `${version || "no version"} × ${count}`);
  }), ended ? el("li", { class: "ended" }, `ended × ${ended}`) : null);
  const words = parts.map(([version, count]) => `${count} on ${version || "no version"}`).join(", ");
  held.canvas.setAttribute("aria-label", `${channel.name}: ${words}${ended ? `, ${ended} ended` : ""}. Arrow keys choose a server.`);
  paint(held);
}

function paint(held) {
  const { canvas, channel, box } = held;
  const width = Math.max(SIZE, Math.floor(box.clientWidth));
  const columns = Math.max(1, Math.floor(width / SIZE));
  const height = Math.max(1, Math.ceil(channel.servers.length / columns)) * SIZE;
  const sharp = Math.min(3, devicePixelRatio || 1);
  canvas.width = width * sharp;
  canvas.height = height * sharp;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  held.columns = columns;
  const pen = canvas.getContext("2d");
  pen.scale(sharp, sharp);
  const ink = getComputedStyle(document.body).color;
  channel.servers.forEach(([id, , version, state, place], at) => {
    const x = (at % columns) * SIZE + SIZE / 2;
    const y = Math.floor(at / columns) * SIZE + SIZE / 2;
    const ended = state === "shutting-down" || state === "terminated";
    pen.globalAlpha = away && place.endsWith("us-east-1") ? 0.25 : 1;
    if (ended) cross(pen, x, y, ink);
    else shape(pen, held.looks.get(version) ?? 6, x, y, 4);
    pen.globalAlpha = 1;
    if (id === chosen || at === held.at) {
      pen.strokeStyle = ink;
      pen.lineWidth = 1.5;
      pen.strokeRect(x - 5.5, y - 5.5, 11, 11);
    }
  });
}

function cross(pen, x, y, ink) {
  pen.strokeStyle = ink;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(x - 3, y - 3);
  pen.lineTo(x + 3, y + 3);
  pen.moveTo(x + 3, y - 3);
  pen.lineTo(x - 3, y + 3);
  pen.stroke();
}

function indexAt(held, event) {
  const rect = held.canvas.getBoundingClientRect();
  const column = Math.min(held.columns - 1, Math.floor((event.clientX - rect.left) / SIZE));
  return Math.floor((event.clientY - rect.top) / SIZE) * held.columns + column;
}

function keyed(held, event) {
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: held.columns, ArrowUp: -held.columns }[event.key];
  if (!step) return;
  event.preventDefault();
  const next = Math.max(0, Math.min(held.channel.servers.length - 1, held.at + step));
  held.at = next;
  pick(held, next);
}

function pick(held, at) {
  const server = held.channel.servers[at];
  if (!server) return;
  const before = chosen;
  chosen = server[0];
  for (const other of drawn.values()) {
    if (other === held || other.channel.servers.some(([id]) => id === before)) paint(other);
  }
  tell();
}

function tell() {
  for (const { channel } of drawn.values()) {
    const server = channel.servers.find(([id]) => id === chosen);
    if (!server) continue;
    const [id, name, version, state, place] = server;
    const ended = state === "shutting-down" || state === "terminated";
    fill(
      $("server"),
      el("span", {}, `${name || id} (${id}), ${place}: ${state || "running"}, ${version || "no version"} `),
      el("button", { type: "button", id: "terminate", disabled: ended, onclick: () => post("/api/terminate", { id }) }, "Terminate"),
      el("button", { type: "button", class: "quiet", onclick: () => goTo("ServerTagAssignment", "serverId", id) }, "Show its row"),
    );
    return;
  }
  chosen = null;
  fill($("server"), "That server is gone.");
}
