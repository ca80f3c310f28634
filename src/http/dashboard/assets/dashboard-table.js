// The dashboard's table of counters, and counters' names wherever they stand.

import { sparkline } from "./dashboard-charts.js";
import { amount, number } from "./dashboard-words.js";

// Turn the direction of what follows, end a line, or can't be seen at all.
const STEERING = /[\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;
const INVISIBLE = /[\s\p{Cf}\p{M}\u115f\u1160\u2800\u3164\uffa0]/gu;
const SHOWN_CODES = 16;

export function element(name, className, ...content) {
  const made = document.createElement(name);
  if (className !== "") made.className = className;
  made.append(...content);
  return made;
}

const codeOf = (character) => `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

/** A name as text, with codes in place of what would not be seen as it is: such characters, and spaces at an end. */
export function nameParts(name) {
  const characters = [...name];
  const isBlank = name.replace(INVISIBLE, "") === "";
  const start = characters.findIndex((one) => one.trim() !== "");
  const end = characters.findLastIndex((one) => one.trim() !== "");
  const parts = [];
  for (const [i, character] of characters.entries()) {
    if (isBlank && i >= SHOWN_CODES) {
      parts.push("…");
      break;
    }
    const code = isBlank || i < start || i > end || STEERING.test(character);
    if (code) parts.push(element("span", "code", codeOf(character)));
    else if (typeof parts.at(-1) === "string") parts[parts.length - 1] += character;
    else parts.push(character);
  }
  return parts;
}

const sparkWords = (hours) => {
  const most = Math.max(...hours);
  const total = hours.reduce((sum, n) => sum + n, 0);
  if (total === 0) return "No hits in the last 24 hours";
  const ago = hours.length - 1 - hours.lastIndexOf(most);
  const when = ago === 0 ? "in the current hour" : `${amount(ago, "hour")} ago`;
  return `${amount(total, "hit")} in the last 24 hours, at most ${number(most)} in an hour, ${when}`;
};

const cell = (kind, label, ...content) => {
  const made = element("td", kind, ...content);
  made.dataset.label = label;
  made.setAttribute("role", "cell");
  return made;
};

function makeRow(counter) {
  const link = element("a", "name", element("bdi", "", ...nameParts(counter)));
  link.href = `counters/${encodeURIComponent(counter)}`;
  if (counter.length > 40) link.title = counter;
  const head = element("th", "counter", link);
  head.scope = "row";
  head.setAttribute("role", "rowheader");
  const row = element("tr", "", head, cell("count", "hits"), cell("pending", "pending"), cell("day", "last 24 hours"));
  row.setAttribute("role", "row");
  return row;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Keeps the rows of counters: one that stays keeps its element, and the focus with it. */
export class CounterRows {
  #body;
  #rows = new Map();

  constructor(body) {
    this.#body = body;
  }

  /** Shows these counters, in this order. */
  show(top) {
    const rows = new Map();
    for (const one of top) {
      const row = this.#rows.get(one.counter) ?? makeRow(one.counter);
      this.#fill(row, one);
      rows.set(one.counter, row);
    }
    this.#rows = rows;
    const wanted = [...rows.values()];
    const isSame =
      wanted.length === this.#body.children.length && wanted.every((row, i) => row === this.#body.children[i]);
    if (isSame) return;
    const focused = document.activeElement;
    const had = this.#body.contains(focused);
    this.#body.replaceChildren(...wanted);
    if (had && this.#body.contains(focused)) focused.focus({ preventScroll: true });
  }

  #fill(row, { count, pending, incomplete, hours }) {
    const [, counted, owed, day] = row.children;
    setText(counted, number(count));
    counted.classList.toggle("incomplete", incomplete === true);
    setText(owed, number(pending));
    owed.classList.toggle("some", pending > 0);
    const key = String(hours);
    if (day.dataset.hours === key) return;
    day.dataset.hours = key;
    if (hours === null) day.replaceChildren();
    else {
      const chart = sparkline(hours);
      chart.setAttribute("role", "img");
      chart.setAttribute("aria-label", sparkWords(hours));
      day.replaceChildren(chart);
    }
  }
}
