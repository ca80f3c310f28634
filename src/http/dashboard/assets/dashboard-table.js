// The dashboard's table of counters.

import { sparkline } from "./dashboard-charts.js";
import { element, nameParts, setText } from "./dashboard-elements.js";
import { amount, number } from "./dashboard-words.js";

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

/** The rows of counters. A row that stays keeps its element, and with it the focus. */
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
    const hadFocus = this.#body.contains(focused);
    this.#body.replaceChildren(...wanted);
    if (hadFocus && this.#body.contains(focused)) focused.focus({ preventScroll: true });
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
