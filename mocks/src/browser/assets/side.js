// What stands beside the sheet: the story, the switches, rollouts, passes and mails.

import { $, be, el, fill, me, nameOf, post, whoIAm } from "./dom.js";
import { plot } from "./plots.js";

let story = null;
let mailShown = null;
const open = new Set();

// A fold that stays as somebody left it.
function fold(key, summary, ...children) {
  const node = el("details", { open: open.has(key) }, el("summary", {}, summary), ...children);
  node.addEventListener("toggle", () => (node.open ? open.add(key) : open.delete(key)));
  return node;
}

export function takeStory(told) {
  const before = story?.done ?? told.done;
  story = told;
  drawStory();
  if (told.done > before) document.querySelector("#steps .now, #steps li:last-child")?.scrollIntoView({ block: "nearest" });
}

whoIAm(() => story && drawStory());

function drawStory() {
  const { steps, done, status } = story;
  $("story-title").textContent = done === steps.length ? "The story: the end" : `The story: step ${done + 1} of ${steps.length}`;
  fill($("steps"), steps.map((step, at) => {
    const over = at < done;
    const parts = [el("span", { class: "mark", "aria-hidden": "true" }, over ? "✓" : String(at + 1)), el("b", {}, step.title)];
    if (over) parts.push(el("span", { class: "hidden" }, " (done)"), el("p", { class: "happened" }, step.happened));
    if (step.now) {
      parts.push(el("p", {}, step.todo));
      if (step.who && step.who !== me.who) {
        parts.push(el("button", { type: "button", class: "quiet", onclick: () => be(step.who) }, `Be the ${nameOf(step.who)}`));
      }
      if (status) parts.push(el("p", { class: "status" }, status));
    }
    return el("li", {
      class: over ? "done" : step.now ? "now" : "next", "data-step": step.name, "aria-current": step.now ? "step" : null,
    }, parts);
  }));
}

export function takeSwitches(list) {
  const focused = document.activeElement?.dataset?.switch;
  fill($("switches"), list.map(({ name, title, what, on }) =>
    el("div", { class: "switch" },
      el("button", {
        type: "button", role: "switch", "aria-checked": String(on), "data-switch": name, "aria-describedby": `what-${name}`,
        onclick: () => post("/api/switch", { name, on: !on }),
      }, el("span", { class: "knob", "aria-hidden": "true" }), title),
      el("small", { id: `what-${name}` }, what)),
  ));
  if (focused) document.querySelector(`[data-switch="${focused}"]`)?.focus();
}

const ENDED = {
  rollout_done: "done", auto_rollback: "rolled back by a gate", rollback: "rolled back by a tick", taken_back: "taken back",
};

export function takeRollouts({ channels, courses }) {
  const names = Object.keys(courses);
  if (names.length === 0) {
    fill($("rollouts"), el("p", { class: "dim" }, "None yet. A channel with a strategy, such as api-prod, starts one when both keys agree."));
    return;
  }
  fill($("rollouts"), names.map((name) => {
    const { last, ended, gates } = courses[name];
    const status = channels.find((channel) => channel.channel === name)?.status ?? "";
    const bar = Array.from({ length: last.waves }, (_, at) => {
      const over = ended ? ended === "rollout_done" : at + 1 < last.wave;
      const now = !ended && at + 1 === last.wave;
      const failed = ended && !over && at + 1 === last.wave;
      const name = over ? "over" : now ? "now" : failed ? "failed" : at + 1 < last.wave ? "past" : "next";
      return el("span", { class: name }, { over: "✓", now: String(at + 1), failed: "✕" }[name] ?? "");
    });
    const words = ended ? ENDED[ended] ?? ended : `wave ${last.wave} of ${last.waves} (${last.to}), ${last.carrying} of ${last.members} carry it`;
    return el("div", { class: `rollout ${ended ? "over" : last.state}` },
      el("h3", {}, `${name}: ${last.former ?? "none"} → ${last.version}`),
      el("div", { class: "waves", role: "img", "aria-label": words }, bar),
      el("p", {}, words),
      ended && ended !== "auto_rollback" ? null : el("p", { class: "status" }, status),
      Object.entries(gates).map(([gate, readings]) => plot(gate, readings)));
  }));
}

const time = (at) => new Date(at).toLocaleTimeString([], { hour12: false });
const seconds = (ms) => (typeof ms === "number" ? `${(ms / 1000).toFixed(1)} s` : "");

export function takePasses({ count, list, problems }) {
  if (count === 0) {
    fill($("passes"), el("p", { class: "dim" }, "None yet."));
    return;
  }
  const lines = list.map((pass) => {
    const calls = Object.entries(pass.calls ?? {});
    const sum = calls.reduce((sum, [, times]) => sum + times, 0);
    return el("tr", { class: `o-${pass.outcome}` },
      el("td", {}, time(pass.at)), el("td", { class: "outcome" }, pass.outcome ?? "failed"), el("td", { class: "n" }, seconds(pass.ms)),
      el("td", { class: "n" }, String(pass.changed ?? "")), el("td", { class: "n", title: calls.map((call) => call.join(" ")).join("\n") }, String(sum)));
  });
  const newest = list[0];
  const happened = list.flatMap((pass) => pass.events.map((event) => [pass.at, event])).slice(0, 12);
  fill($("passes"),
    newest.why ? el("p", { class: "status" }, newest.why) : null,
    el("table", {}, el("thead", {}, el("tr", {}, ["at", "ended", "took", "changed", "calls"].map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, lines)),
    fold("calls", "Calls of the last one", el("ul", {}, Object.entries(newest.calls ?? {}).map(([name, times]) => el("li", {}, `${name}: ${times}`)))),
    fold("events", "What happened", el("ul", {}, happened.map(([at, event]) =>
      el("li", {}, `${time(at)} ${event.channel} ${event.event} ${[event.from, event.to].filter(Boolean).join(" → ")} ${event.detail}`)))),
    fold("problems", `Open problems (${problems.length})`, el("ul", {}, problems.map((problem) => el("li", {}, el("b", {}, problem.where), ` ${problem.message}`)))));
}

export function takeMails(list) {
  if (list.length === 0) {
    fill($("mails"), el("p", { class: "dim" }, "None yet."));
    return;
  }
  const choose = (number) => {
    mailShown = mailShown === number ? null : number;
    const frame = $("mail");
    frame.hidden = mailShown === null;
    if (mailShown !== null) frame.src = `/mail/${mailShown}`;
    takeMails(list);
  };
  fill($("mails"), el("ul", { class: "mails" }, list.map(({ number, subject, to }) =>
    el("li", {}, el("button", {
      type: "button", class: "quiet", "aria-expanded": String(number === mailShown), "aria-controls": "mail", onclick: () => choose(number),
    }, subject), el("small", {}, ` to ${to}`)))));
}
