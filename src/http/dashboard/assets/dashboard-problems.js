// The list of what needs attention.

import { element, nameParts, setSign } from "./dashboard-elements.js";

/** Returns a text as nodes, with its `commands` as code. */
function withCode(text) {
  return text.split("`").map((piece, i) => (i % 2 === 1 ? element("code", "", piece) : piece));
}

function detail(line) {
  if (typeof line === "string") return element("li", "", line);
  return element("li", "", element("bdi", "", ...nameParts(line.name)), `: ${line.text}`);
}

function problemItem({ title, text, list, todo }, sign) {
  const item = element("li", "problem", sign, element("h3", "", title), element("p", "", text));
  if (list.length > 0) item.append(element("ul", "details", ...list.map(detail)));
  if (todo !== "") item.append(element("p", "todo", element("b", "", "What to do: "), ...withCode(todo)));
  return item;
}

/** Fills the list. An entry that stays the same keeps its element, and a selection in it. */
export function listProblems(list, found) {
  for (const [i, problem] of found.entries()) {
    const key = JSON.stringify(problem);
    const old = list.children[i];
    if (old?.dataset.key === key) continue;
    const item = problemItem(problem, document.querySelector(".well > svg").cloneNode(true));
    item.dataset.key = key;
    setSign(item, problem.sign);
    if (old === undefined) list.append(item);
    else old.replaceWith(item);
  }
  while (list.children.length > found.length) list.lastElementChild.remove();
}
