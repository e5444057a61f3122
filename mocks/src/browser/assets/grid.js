// The grid: draws the rows that are in view, knows what is chosen, and takes keys and pointers.

import { $, el, fill, letters, me, whoIAm } from "./dom.js";
import { Tab, fromTsv, toTsv } from "./cells.js";
import * as hands from "./hands.js";

const ROW = 25;
const MARGIN = 46;
// Rows drawn above and below what is in view.
const SPARE = 8;

const grid = $("grid");
const tabs = new Map();
let tab = null;
let chosen = { row: 1, column: 0, toRow: 1, toColumn: 0 };
let editing = null;
let copied = null;
let drawn = [0, 0];
let body, head, rows;

export const shown = () => tab;

// The chosen cells, from the smaller to the larger; ends are exclusive.
export function area() {
  const { row, column, toRow, toColumn } = chosen;
  return {
    rows: [Math.min(row, toRow), Math.max(row, toRow) + 1],
    columns: [Math.min(column, toColumn), Math.max(column, toColumn) + 1],
  };
}

export function start(look) {
  head = el("div", { class: "head", role: "row", "aria-rowindex": 1 });
  rows = el("div", { class: "rows", role: "rowgroup" });
  body = el("div", { class: "sheet" }, head, rows);
  fill(grid, body);
  grid.addEventListener("scroll", () => requestAnimationFrame(() => draw(false)), { passive: true });
  new ResizeObserver(() => draw(false)).observe(grid);
  grid.addEventListener("keydown", keyed);
  grid.addEventListener("mousedown", pressed);
  grid.addEventListener("dblclick", (event) => at(event) && !tab.isBox(chosen.row, chosen.column) && edit());
  grid.addEventListener("copy", copy);
  grid.addEventListener("paste", paste);
  $("content").addEventListener("keydown", inBar);
  $("content").addEventListener("focus", () => {
    offer($("content"));
    $("content").dataset.of = `${tab.id} ${chosen.row} ${chosen.column}`;
  });
  for (const button of $("tools").children) {
    button.addEventListener("click", () => hands.tool(button.dataset.do, tab, area(), choose));
  }
  whoIAm(() => draw(true));
  hands.start(look);
}

// Draws the names of the tabs; the first one is shown first.
export function names(list) {
  fill(
    $("tabs"),
    list.map(({ id, title }) =>
      el("button", {
        type: "button", role: "tab", "data-tab": id, "aria-selected": String(tab?.id === id), "aria-controls": "grid",
        onclick: () => show(id),
      }, title),
    ),
  );
  if (!tab && list.length > 0) show(list[0].id);
}

let onShow = () => {};
export const whenShown = (then) => (onShow = then);

export function show(id) {
  stop(false);
  if (!tabs.has(id)) tabs.set(id, new Tab(id));
  tab = tabs.get(id);
  chosen = { row: 1, column: 0, toRow: 1, toColumn: 0 };
  for (const button of $("tabs").children) {
    button.setAttribute("aria-selected", String(Number(button.dataset.tab) === id));
  }
  grid.scrollTo(0, 0);
  draw(true);
  onShow();
}

// Takes in what changed of a tab.
export function take(told, revision) {
  const held = tabs.get(told.id);
  if (held?.take(told, revision) && held === tab) draw(true);
}

// Goes to a cell, such as the row of a server.
export function goTo(title, header, text) {
  const button = [...$("tabs").children].find((button) => button.textContent === title);
  if (!button) return;
  const id = Number(button.dataset.tab);
  if (tab.id !== id) show(id);
  const then = () => {
    const column = tab.rows[0]?.indexOf(header) ?? -1;
    const row = tab.rows.findIndex((cells, at) => at > 0 && cells?.[column] === text);
    if (row > 0) choose(row, column);
    return row > 0;
  };
  if (!then()) setTimeout(then, 1200);
}

export function choose(row, column, extend = false) {
  if (!tab?.head) return;
  const clip = (at, size) => Math.max(0, Math.min(at, size - 1));
  const to = [clip(row, tab.rows.length), clip(column, tab.head.columns)];
  chosen = extend
    ? { ...chosen, toRow: to[0], toColumn: to[1] }
    : { row: to[0], column: to[1], toRow: to[0], toColumn: to[1] };
  see(to[0], to[1]);
  draw(true);
}

// Scrolls so that a cell is in view.
function see(row, column) {
  const top = row * ROW;
  const low = grid.scrollTop + grid.clientHeight - head.offsetHeight;
  if (row > 0 && top - ROW < grid.scrollTop) grid.scrollTop = top - ROW;
  else if (top > low) grid.scrollTop = top - low + grid.scrollTop + 2;
  const left = tab.head.widths.slice(0, column).reduce((sum, width) => sum + width, 0);
  const right = left + tab.head.widths[column] + MARGIN;
  if (left < grid.scrollLeft) grid.scrollLeft = left;
  else if (right > grid.scrollLeft + grid.clientWidth) grid.scrollLeft = right - grid.clientWidth;
}

// Draws what is in view. Unless it must, it leaves rows that it drew before.
function draw(must) {
  if (!tab?.head) {
    fill(head);
    fill(rows);
    return;
  }
  const first = Math.max(1, Math.floor(grid.scrollTop / ROW) - SPARE);
  const last = Math.min(tab.rows.length, Math.ceil((grid.scrollTop + grid.clientHeight) / ROW) + SPARE);
  if (!must && drawn[0] === first && drawn[1] === last) return;
  drawn = [first, last];
  const { widths, columns } = tab.head;
  grid.setAttribute("aria-rowcount", tab.rows.length);
  grid.setAttribute("aria-colcount", columns);
  body.style.width = `${MARGIN + widths.reduce((sum, width) => sum + width, 0)}px`;
  rows.style.height = `${Math.max(0, tab.rows.length - 1) * ROW}px`;
  fill(head, line(0));
  const lines = [];
  for (let row = first; row < last; row++) {
    const node = el("div", { class: "row", role: "row", "aria-rowindex": row + 1 }, line(row));
    node.style.transform = `translateY(${(row - 1) * ROW}px)`;
    lines.push(node);
  }
  fill(rows, lines);
  if (editing) place(editing.input);
  const { row, column } = chosen;
  const id = `c-${row}-${column}`;
  if ($(id)) grid.setAttribute("aria-activedescendant", id);
  else grid.removeAttribute("aria-activedescendant");
  $("place").textContent = `${letters(column)}${row + 1}`;
  if (document.activeElement !== $("content")) $("content").value = tab.source(row, column);
  $("content").disabled = tab.bars(row, column) === "locked";
}

function line(row) {
  const { rows: [top, bottom], columns: [left, right] } = area();
  const cells = [el("div", { class: "margin", role: "rowheader", "data-row": row }, String(row + 1))];
  for (let column = 0; column < tab.head.columns; column++) {
    const inside = row >= top && row < bottom && column >= left && column < right;
    const active = row === chosen.row && column === chosen.column;
    const bars = tab.bars(row, column);
    const kind = tab.kind(row, column);
    const name = ["cell", bars, `k-${kind}`, inside && "in", active && "active"].filter(Boolean).join(" ");
    const node = el("div", {
      class: name, role: row === 0 ? "columnheader" : "gridcell", id: `c-${row}-${column}`,
      "aria-colindex": column + 1, "aria-selected": String(inside), "aria-readonly": bars === "locked" ? "true" : null,
      "data-row": row, "data-column": column,
    });
    node.style.width = `${tab.head.widths[column]}px`;
    look(node, row, column);
    cells.push(node);
  }
  return cells;
}

// What one cell shows.
function look(node, row, column) {
  if (row === 0) {
    node.append(el("span", { class: "letter" }, letters(column)), tab.text(row, column));
    node.title = tab.head.notes[column];
    return;
  }
  if (tab.isBox(row, column)) {
    const ticked = tab.cell(row, column)[1] === true;
    const header = tab.text(0, column);
    node.append(el("span", { class: "box", role: "checkbox", "aria-checked": String(ticked), "aria-label": header }));
    return;
  }
  const text = tab.text(row, column);
  node.textContent = text;
  if (text.length > 14) node.title = text;
  const colour = tab.colour(row, column);
  if (colour) {
    node.style.backgroundColor = colour;
    node.classList.add("coloured");
  }
  if (tab.choices(row, column)) node.append(el("span", { class: "list", "aria-hidden": "true" }, "▾"));
}

// The cell or margin of an event.
function at(event) {
  const node = event.target.closest("[data-row]");
  if (!node || !grid.contains(node)) return null;
  const column = node.dataset.column === undefined ? null : Number(node.dataset.column);
  return { row: Number(node.dataset.row), column, box: event.target.classList.contains("box") };
}

function pressed(event) {
  const place = at(event);
  if (!place || event.button !== 0 || event.target === editing?.input) return;
  const before = { ...chosen };
  stop(true);
  event.preventDefault();
  grid.focus({ preventScroll: true });
  if (place.column === null) {
    choose(place.row, 0, event.shiftKey);
    chosen.toColumn = tab.head.columns - 1;
    draw(true);
    return;
  }
  choose(place.row, place.column, event.shiftKey);
  if (place.box) {
    tick();
    return;
  }
  const same = before.row === place.row && before.column === place.column;
  if (same && matchMedia("(pointer: coarse)").matches) edit();
  const move = (event) => {
    const over = at(event);
    if (over && over.column !== null && event.buttons === 1) choose(over.row, over.column, true);
  };
  grid.addEventListener("mousemove", move);
  addEventListener("mouseup", () => grid.removeEventListener("mousemove", move), { once: true });
}

function tick() {
  const { row, column } = chosen;
  hands.type(tab, [[row, column, tab.cell(row, column)[1] === true ? "FALSE" : "TRUE"]]);
}

function keyed(event) {
  if (event.target !== grid || !tab?.head) return;
  const { row, column, toRow, toColumn } = chosen;
  const [fromRow, fromColumn] = event.shiftKey ? [toRow, toColumn] : [row, column];
  const page = Math.max(1, Math.floor(grid.clientHeight / ROW) - 2);
  const far = event.ctrlKey || event.metaKey;
  const moves = {
    ArrowUp: [far ? -1e9 : -1, 0], ArrowDown: [far ? 1e9 : 1, 0], ArrowLeft: [0, far ? -1e9 : -1],
    ArrowRight: [0, far ? 1e9 : 1], PageUp: [-page, 0], PageDown: [page, 0],
    Home: [far ? -1e9 : 0, -1e9], End: [far ? 1e9 : 0, 1e9],
  };
  const step = moves[event.key];
  if (step) {
    event.preventDefault();
    choose(fromRow + step[0], fromColumn + step[1], event.shiftKey);
  } else if (far && event.key.toLowerCase() === "z") {
    event.preventDefault();
    hands.tool("undo", tab, area(), choose);
  } else if (far || event.altKey) {
    return;
  } else if (event.key === "Delete" || event.key === "Backspace") {
    event.preventDefault();
    clear();
  } else if (event.key === " " && tab.isBox(row, column)) {
    event.preventDefault();
    tick();
  } else if (event.key === "Enter" || event.key === "F2") {
    event.preventDefault();
    if (tab.isBox(row, column)) tick();
    else edit();
  } else if (event.key.length === 1) {
    event.preventDefault();
    edit(event.key);
  }
}

function cellsOf(area, text) {
  const cells = [];
  for (let row = area.rows[0]; row < area.rows[1]; row++) {
    for (let column = area.columns[0]; column < area.columns[1]; column++) cells.push([row, column, text(row, column)]);
  }
  return cells;
}

function clear() {
  hands.type(tab, cellsOf(area(), (row, column) => (tab.isBox(row, column) ? "FALSE" : "")));
}

// Opens the chosen cell; what was typed comes in place of what it holds.
function edit(typed) {
  const { row, column } = chosen;
  const input = el("input", { class: "editor", "aria-label": `${letters(column)}${row + 1}`, autocomplete: "off" });
  input.value = typed ?? tab.source(row, column);
  offer(input);
  editing = { input, row, column };
  body.append(input);
  place(input);
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") stop(false);
    else if (event.key === "Enter") stop(true, event.shiftKey ? -1 : 1, 0);
    else if (event.key === "Tab") stop(true, 0, event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
  });
  input.addEventListener("blur", () => editing?.input === input && stop(true));
  input.focus({ preventScroll: true });
}

function place(input) {
  const left = MARGIN + tab.head.widths.slice(0, editing.column).reduce((sum, width) => sum + width, 0);
  input.style.width = `${Math.max(tab.head.widths[editing.column], 120)}px`;
  input.style.transform = `translate(${left}px, ${head.offsetHeight + (editing.row - 1) * ROW}px)`;
}

function offer(input) {
  const choices = tab.choices(chosen.row, chosen.column);
  if (!choices) {
    input.removeAttribute("list");
    return;
  }
  fill($("choices"), choices.map((choice) => el("option", { value: choice })));
  input.setAttribute("list", "choices");
}

// Closes the open cell, and goes on from there.
function stop(keep, down = 0, right = 0) {
  if (!editing) return;
  const { input, row, column } = editing;
  const back = document.activeElement === input;
  editing = null;
  input.remove();
  if (back) grid.focus({ preventScroll: true });
  if (keep && input.value !== tab.source(row, column)) hands.type(tab, [[row, column, input.value]]);
  if (down || right) choose(row + down, column + right);
}

function inBar(event) {
  if (event.key !== "Enter" && event.key !== "Escape") return;
  event.preventDefault();
  const [id, row, column] = $("content").dataset.of.split(" ").map(Number);
  const text = $("content").value;
  grid.focus({ preventScroll: true });
  if (event.key === "Enter" && tab.id === id && text !== tab.source(row, column)) hands.type(tab, [[row, column, text]]);
  draw(true);
}

function copy(event) {
  if (editing || !tab?.head) return;
  const { rows: [top, bottom], columns: [left, right] } = area();
  const texts = [];
  for (let row = top; row < bottom; row++) {
    const line = [];
    for (let column = left; column < right; column++) line.push(tab.text(row, column));
    texts.push(line);
  }
  const text = toTsv(texts);
  copied = { tab: tab.id, rows: [top, bottom], columns: [left, right], text };
  event.clipboardData.setData("text/plain", text);
  event.preventDefault();
}

function paste(event) {
  if (editing || !tab?.head) return;
  event.preventDefault();
  const text = event.clipboardData.getData("text/plain");
  const into = area();
  const to = [into.rows[0], into.columns[0]];
  // What was copied here comes with its formats, as in the real one: a number stays a number.
  if (copied && copied.text === text.replace(/\r\n?/g, "\n") && copied.tab === tab.id) {
    hands.edit(tab, { copy: { rows: copied.rows, columns: copied.columns, to } });
    return;
  }
  const lines = fromTsv(text);
  const one = lines.length === 1 && lines[0].length === 1;
  const cells = one
    ? cellsOf(into, () => lines[0][0])
    : lines.flatMap((line, down) => line.map((text, right) => [to[0] + down, to[1] + right, text]));
  hands.type(tab, cells);
}
