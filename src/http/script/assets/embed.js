// The script of GET /embed, as browsers run it. The server imports `snippets` as well.

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const attribute = (text) => text.replace(/[&<>"]/g, (character) => ENTITIES[character]);

/** Percent-encodes a path segment, with characters that shells and older URL parsers treat specially. */
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
  if (counter === "." || counter === "..") return `“${counter}” is not a valid name: it means a directory.`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
  if (/[\u0000-\u001f\u007f-\u009f]/.test(counter)) return "A name must not contain control characters.";
  if (/\p{Surrogate}/u.test(counter)) return "A name must not contain half a character (a lone surrogate).";
  const bytes = new TextEncoder().encode(counter).length;
  return bytes > 1024 ? `A name must have at most 1,024 bytes, got ${bytes.toLocaleString("en-US")}.` : "";
}

function start() {
  const part = (id) => document.getElementById(id);
  const base = new URL(".", document.baseURI).href;
  const field = part("counter");
  const codes = [...document.querySelectorAll("pre code[id]")];
  const buttonOf = (code) => code.closest("section").querySelector("button");

  const show = () => {
    const why = complaint(field.value);
    const shown = why === "" ? snippets(base, field.value) : { policy: snippets(base, "").policy };
    part("why").textContent = why;
    field.setAttribute("aria-invalid", why !== "");
    for (const code of codes) {
      const text = shown[code.id];
      code.textContent = text ?? "Enter a counter’s name";
      code.classList.toggle("none", text === undefined);
      buttonOf(code).hidden = text === undefined || navigator.clipboard === undefined;
    }
  };

  for (const code of codes) {
    const button = buttonOf(code);
    let reset;
    button.addEventListener("click", async () => {
      const isCopied = await navigator.clipboard.writeText(code.textContent).then(
        () => true,
        () => false,
      );
      // Without access to the clipboard, the text is selected: the reader only has to press a key.
      if (!isCopied) getSelection().selectAllChildren(code);
      button.firstChild.data = isCopied ? "Copied" : "Selected";
      part("spoken").textContent = button.firstChild.data;
      clearTimeout(reset);
      reset = setTimeout(() => {
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
