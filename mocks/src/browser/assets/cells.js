// What a tab holds, and how a cell is to look to whoever looks.

import { me } from "./dom.js";

export class Tab {
  constructor(id) {
    this.id = id;
    this.seen = 0;
    this.head = null;
    this.rows = [];
  }

  // Takes in what changed; gives whether anything did.
  take(tab, revision) {
    const changed = tab.head !== null || tab.rows.length > 0 || this.rows.length !== tab.count;
    if (tab.head) this.head = tab.head;
    this.rows.length = tab.count;
    for (const [at, row] of tab.rows) this.rows[at] = row;
    this.seen = revision;
    return changed;
  }

  cell(row, column) {
    return this.rows[row]?.[column] ?? "";
  }

  // What shows in the cell.
  text(row, column) {
    const cell = this.cell(row, column);
    if (typeof cell === "string") return cell;
    if (cell[0] === "b") return cell[1] ? "TRUE" : "FALSE";
    return cell[1];
  }

  // What one edits there: a formula as it was typed.
  source(row, column) {
    const cell = this.cell(row, column);
    return typeof cell !== "string" && cell[0] === "f" ? cell[2] : this.text(row, column);
  }

  kind(row, column) {
    const cell = this.cell(row, column);
    return typeof cell === "string" ? "t" : cell[0];
  }

  isBox(row, column) {
    return row > 0 && this.kind(row, column) === "b";
  }

  choices(row, column) {
    if (row === 0) return null;
    return this.head.lists.find((list) => list.column === column)?.choices ?? null;
  }

  // "", "warns" or "locked", for whoever one is.
  bars(row, column) {
    let bars = "";
    for (const range of this.head.protected) {
      const within = (at, [start, end]) => (start === null || start <= at) && (end === null || at < end);
      if (!within(row, range.rows) || !within(column, range.columns)) continue;
      if (range.warns) bars = bars || "warns";
      else if (!range.may[me.who]) bars = "locked";
    }
    return bars;
  }

  // The colour of the first rule that fits, as the service evaluates them.
  colour(row, column) {
    if (row === 0) return "";
    const text = this.text(row, column).toLowerCase();
    if (text === "") return "";
    const rule = this.head.colours.find(
      ({ columns: [start, end], starts }) =>
        (start ?? 0) <= column && (end === null || column < end) && text.startsWith(starts.toLowerCase()),
    );
    return rule?.rgb ?? "";
  }
}

// Texts with tabs and line ends between them, as spreadsheets put them on the clipboard; quoted where they hold such themselves.
export function toTsv(rows) {
  const quoted = (text) => (/[\t\n"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return rows.map((row) => row.map(quoted).join("\t")).join("\n");
}

export function fromTsv(text) {
  const rows = [[""]];
  let inside = false;
  const put = (letter) => {
    const row = rows.at(-1);
    row[row.length - 1] += letter;
  };
  const source = text.replace(/\r\n?/g, "\n").replace(/\n$/, "");
  for (let at = 0; at < source.length; at++) {
    const letter = source[at];
    const fresh = rows.at(-1).at(-1) === "";
    if (inside && letter === '"' && source[at + 1] === '"') put(source[++at]);
    else if (inside && letter === '"') inside = false;
    else if (!inside && letter === '"' && fresh) inside = true;
    else if (!inside && letter === "\t") rows.at(-1).push("");
    else if (!inside && letter === "\n") rows.push([""]);
    else put(letter);
  }
  return rows;
}
