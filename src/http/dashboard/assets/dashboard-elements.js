// Elements of the dashboard, and counters' names in them. Text is never parsed as HTML.

// Characters that change the direction of text, end a line, or are invisible.
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

/** Returns a name as text, with codes in place of invisible and steering characters, and of spaces at either end. */
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

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets the sign (in dashboard.html) and the colour of an element. */
export function setSign(holder, sign) {
  holder.dataset.sign = sign;
  holder.querySelector("use").setAttribute("href", `#sign-${sign}`);
}
