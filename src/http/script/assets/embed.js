// The script of GET /embed, as a browser gets it. The server imports `snippets` from here as well.

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const attribute = (text) => text.replace(/[&<>"]/g, (character) => ENTITIES[character]);

/** Percent-encoded as one path segment; also what shells and older readers of URLs make something of. */
const segment = (name) =>
  encodeURIComponent(name).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

export function snippets(base, counter) {
  const hits = `${base}hits/${segment(counter)}`;
  const image = (url, more) => `<img src="${attribute(url)}"\n  ${more}>`;
  const named = counter === "" ? "" : `\n  data-counter="${attribute(counter)}"`;
  const script = `<script async src="${attribute(base)}hits.js"${named}`;
  const origin = base.startsWith("http") ? new URL(base).origin : base.replace(/\/$/, "");
  const all = {
    script: `${script}></script>`,
    live: `<span id="hits">…</span>\n${script}\n  data-show="#hits"></script>`,
    policy: `script-src ${origin}; connect-src ${origin}; img-src ${origin}`,
  };
  if (counter === "") return all;
  return {
    ...all,
    pixel: image(`${hits}/pixel.gif`, 'alt="" width="1" height="1"'),
    counting: image(`${hits}/badge.svg`, 'alt="hits"'),
    showing: image(`${base}counters/${segment(counter)}/badge.svg`, 'alt="hits"'),
    curl: `curl -X POST ${/^[\w.~:/%…-]+$/.test(hits) ? hits : `'${hits.replaceAll("'", "%27")}'`}`,
  };
}

export function complaint(counter) {
  if (counter === "." || counter === "..") return `“${counter}” would be taken for a directory.`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
  if (/[\u0000-\u001f\u007f-\u009f]/.test(counter)) return "Control characters can’t be part of a name.";
  if (/\p{Surrogate}/u.test(counter)) return "Half a character (a lone surrogate) can’t be part of a name.";
  const bytes = new TextEncoder().encode(counter).length;
  return bytes > 1024 ? `A name has at most 1,024 bytes; this one has ${bytes.toLocaleString("en-US")}.` : "";
}

function start() {
  const part = (id) => document.getElementById(id);
  const base = new URL(".", document.baseURI).href;
  const field = part("counter");
  const codes = [...document.querySelectorAll("pre code[id]")];
  const buttonOf = (code) => code.closest("section").querySelector("button");

  const show = () => {
    const why = complaint(field.value);
    const found = why === "" ? snippets(base, field.value) : { policy: snippets(base, "").policy };
    part("why").textContent = why;
    field.setAttribute("aria-invalid", why !== "");
    for (const code of codes) {
      const text = found[code.id];
      code.textContent = text ?? "Needs a counter’s name";
      code.classList.toggle("none", text === undefined);
      buttonOf(code).hidden = text === undefined || navigator.clipboard === undefined;
    }
  };

  for (const code of codes) {
    const button = buttonOf(code);
    let back;
    button.addEventListener("click", async () => {
      const done = await navigator.clipboard.writeText(code.textContent).then(
        () => true,
        () => false,
      );
      // Where the clipboard is not to be had, the text is selected: a key does the rest.
      if (!done) getSelection().selectAllChildren(code);
      button.firstChild.data = done ? "Copied" : "Selected";
      part("spoken").textContent = button.firstChild.data;
      clearTimeout(back);
      back = setTimeout(() => {
        button.firstChild.data = "Copy";
        part("spoken").textContent = "";
      }, 2_000);
    });
  }

  part("name").hidden = false;
  field.addEventListener("input", show);
  show();
}

if (typeof document !== "undefined") start();
