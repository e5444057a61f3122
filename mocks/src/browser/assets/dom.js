// Small helpers. Text only ever becomes text: nothing here takes markup.

export const $ = (id) => document.getElementById(id);

// An element with properties and children; `data`, `aria` and `class` are written as attributes.
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  put(node, props);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, props = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  put(node, props);
  node.append(...children.flat().filter(Boolean));
  return node;
}

function put(node, props) {
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === false || value === null || value === undefined) continue;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
}

// Puts children in place of what an element holds.
export function fill(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
}

// Sends a request to change something; gives what became of it.
export async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

// Asks or tells; true for OK.
export function ask(title, text, refusable) {
  const dialog = $("dialog");
  $("dialog-title").textContent = title;
  $("dialog-text").textContent = text;
  $("dialog-no").hidden = !refusable;
  dialog.returnValue = "no";
  dialog.showModal();
  $("dialog-yes").focus();
  return new Promise((done) =>
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }),
  );
}

// A column's letters: A, B, … AA.
export function letters(column) {
  let name = "";
  for (let rest = column; rest >= 0; rest = Math.floor(rest / 26) - 1) {
    name = String.fromCharCode(65 + (rest % 26)) + name;
  }
  return name;
}

// Who somebody at the page is, remembered in this browser where it lets us.
const ROLES = [
  ["sre", "SRE", "One of the group of key A"],
  ["manager", "Release manager", "One of the group of key B"],
  ["editor", "Editor", "May edit the file, and holds no key"],
  ["owner", "Owner", "Owns the file: no protection holds the owner"],
];
const heard = [];
export const me = { who: "sre" };

export function whoIAm(changed) {
  heard.push(changed);
}

export function be(who) {
  me.who = who;
  try {
    sessionStorage.setItem("who", who);
  } catch {
    // A browser that keeps nothing asks again after a reload.
  }
  for (const button of $("who").children) {
    const mine = button.dataset.role === who;
    button.setAttribute("aria-checked", String(mine));
    button.tabIndex = mine ? 0 : -1;
  }
  heard.forEach((changed) => changed());
}

export function nameOf(who) {
  return ROLES.find(([role]) => role === who)?.[1] ?? who;
}

export function startPeople() {
  const buttons = ROLES.map(([role, name, what]) =>
    el("button", { type: "button", role: "radio", "data-role": role, title: what, onclick: () => be(role) }, name),
  );
  fill($("who"), buttons);
  $("who").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = ROLES.findIndex(([role]) => role === me.who);
    const next = (at + step + ROLES.length) % ROLES.length;
    be(ROLES[next][0]);
    buttons[next].focus();
  });
  let kept = null;
  try {
    kept = sessionStorage.getItem("who");
  } catch {
    // See above.
  }
  be(ROLES.some(([role]) => role === kept) ? kept : "sre");
}
