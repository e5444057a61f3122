// Keeps the page like the world: asks a few times a second what changed.

import { $, ask, post, startPeople } from "./dom.js";
import * as grid from "./grid.js";
import * as fleet from "./fleet.js";
import * as side from "./side.js";

const OFTEN = 400;
// In a tab that nobody looks at.
const SELDOM = 4000;

let seen = 0;
let timer = null;
let busy = false;
let hurry = false;
let lost = false;
let service = { running: false };
let passes = null;

async function look() {
  clearTimeout(timer);
  if (busy) {
    hurry = true;
    return;
  }
  busy = true;
  try {
    const tab = grid.shown();
    // Before it is known which tabs there are, the first one is asked for.
    const query = new URLSearchParams({ seen, tab: tab?.id ?? 0, rows: tab?.seen ?? 0 });
    const answer = await fetch(`/api/look?${query}`);
    if (!answer.ok) throw new Error(String(answer.status));
    const told = await answer.json();
    // A new world counts from the beginning: so does the page.
    if (lost || told.revision < seen) {
      location.reload();
      return;
    }
    take(told);
  } catch {
    if (seen > 0) {
      lost = true;
      $("pulse").textContent = "The sandbox does not answer.";
    }
  }
  busy = false;
  timer = setTimeout(look, hurry ? 0 : document.hidden ? SELDOM : OFTEN);
  hurry = false;
}

function take({ revision, parts, tab }) {
  seen = revision;
  if (parts.tabs) grid.names(parts.tabs);
  if (tab) grid.take(tab, revision);
  if (parts.story) side.takeStory(parts.story);
  if (parts.switches) side.takeSwitches(parts.switches);
  if (parts.fleet || parts.switches) fleet.take(parts.fleet, parts.switches?.find(({ name }) => name === "away").on);
  if (parts.rollouts) {
    side.takeRollouts(parts.rollouts);
    fleet.takeRollouts(parts.rollouts);
  }
  if (parts.passes) side.takePasses(parts.passes);
  if (parts.mails) side.takeMails(parts.mails);
  passes = parts.passes ?? passes;
  service = parts.service ?? service;
  if (parts.passes || parts.service) pulse();
  if (parts.fleet && tab) performance.mark("drawn");
}

function pulse() {
  const last = passes?.list[0];
  const words = last
    ? `pass ${last.number}: ${last.outcome ?? "failed"}${typeof last.ms === "number" ? ` in ${(last.ms / 1000).toFixed(1)} s` : ""}`
    : "the service starts";
  $("pulse").textContent = service.running ? `${words} · a pass runs` : words;
  $("pulse").className = last && last.outcome !== "done" ? "trouble" : "";
  const page = $("status-page");
  page.hidden = !service.status;
  if (service.status) page.href = service.status;
}

startPeople();
grid.start(look);
grid.whenShown(() => {
  hurry = true;
  look();
});
$("pass").addEventListener("click", () => post("/api/pass").then(look));
$("again").addEventListener("click", async () => {
  const sure = await ask("Start over?", "A new world takes the place of this one: sheet, fleet, mails and story begin anew.", true);
  if (!sure) return;
  await post("/api/again");
  $("pulse").textContent = "A new world is made …";
  lost = true;
});
document.addEventListener("visibilitychange", look);
look();
