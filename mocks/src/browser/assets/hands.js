// What people do to a tab, and what the spreadsheet says to it.

import { $, ask, me, nameOf, post } from "./dom.js";

let look = () => {};

export function start(then) {
  look = then;
}

export function type(tab, cells) {
  return edit(tab, { type: cells });
}

// Sends an edit; where the spreadsheet warns, asks first. Gives whether it was done.
export async function edit(tab, deed) {
  const asked = { who: me.who, tab: tab.id, ...deed };
  try {
    let answer = await post("/api/edit", asked);
    if (answer.outcome === "warned") {
      if (!(await ask("Heads up!", answer.why.replace(/^Heads up! /, ""), true))) return false;
      answer = await post("/api/edit", { ...asked, meant: true });
    }
    if (answer.outcome === "refused") {
      say(`Refused to the ${nameOf(me.who)}: ${answer.why}`);
      $("grid").focus({ preventScroll: true });
      await ask("There was a problem", answer.why.replace(/^There was a problem: /, ""), false);
      $("grid").focus({ preventScroll: true });
      return false;
    }
    say("");
    return true;
  } catch (error) {
    say(`Not done: ${error.message}`);
    return false;
  } finally {
    look();
  }
}

function say(text) {
  $("said").textContent = text;
}

// One of the buttons above the grid.
export async function tool(name, tab, area, choose) {
  if (!tab?.head) return;
  const [top, bottom] = area.rows;
  const [column] = area.columns;
  const count = bottom - top;
  if (name === "undo") {
    const answer = await post("/api/undo", { who: me.who });
    say(answer.outcome === "nothing" ? `The ${nameOf(me.who)} has nothing to undo.` : "Undone.");
    look();
  } else if (name === "insert") {
    await edit(tab, { insert: { at: Math.max(1, top), count } });
  } else if (name === "delete") {
    await edit(tab, { delete: [top, bottom] });
  } else if (name === "up" && top > 1) {
    if (await edit(tab, { move: { rows: [top, bottom], to: top - 1 } })) choose(top - 1, column);
  } else if (name === "down" && bottom < tab.rows.length) {
    if (await edit(tab, { move: { rows: [top, bottom], to: bottom + 1 } })) choose(top + 1, column);
  } else if (name === "sort" || name === "sort-back") {
    await edit(tab, { sort: { column, descending: name === "sort-back" } });
  }
}
