// The page's script, as browsers run it. The server imports `describe` as well, so that the page has the same texts
// whether the server or the browser rendered it.

const grouped = new Intl.NumberFormat("en-US");
const hits = (n) => `${grouped.format(n)} ${n === 1 ? "hit" : "hits"}`;
const trimmed = (text) => text.trim().replace(/[.\s]+$/, "");

const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
];

/** `12 s`, `3 min 12 s`: at most two units, without a line break within. */
function duration(ms) {
  let s = Math.max(0, Math.floor(ms / 1_000));
  const first = UNITS.findIndex(([, size]) => s >= size);
  const parts = UNITS.slice(first)
    .slice(0, 2)
    .flatMap(([unit, size]) => {
      const n = Math.floor(s / size);
      s -= n * size;
      return [n, unit];
    });
  return parts.join("\u00a0");
}

/** `12:03:05`, preceded by the day if it is not today. */
function clockTime(ms, now, timeZone) {
  const day = (at) => new Date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone });
  const time = new Date(ms).toLocaleTimeString("en-GB", { hourCycle: "h23", timeZone });
  return `${day(ms) === day(now) ? "" : `${day(ms)} `}${time}${timeZone === "UTC" ? " UTC" : ""}`;
}

function mongoState({ mongo, pending, isCounting, now, timeZone }) {
  if (mongo === undefined) {
    const [state, lead] = isCounting
      ? ["local", "Counted from the log on this machine"]
      : ["halted", "Counting has halted"];
    return { state, lead, rest: "; no MongoDB configured", detail: "" };
  }
  if (mongo.state === "running") {
    const rest = pending === 0 ? "everything projected" : `${hits(pending)} on ${pending === 1 ? "its" : "their"} way`;
    return { state: pending === 0 ? "up" : "moving", lead: "MongoDB is up", rest: `: ${rest}`, detail: "" };
  }
  const from = Date.parse(mongo.since);
  const since = Number.isNaN(from) ? "" : ` (${duration(now - from)}, since ${clockTime(from, now, timeZone)})`;
  const [state, lead] =
    mongo.state === "halted" ? ["halted", "Projecting into MongoDB has halted"] : ["away", "MongoDB is away"];
  const rest = `${since}: ${pending === 0 ? "nothing pending" : `${hits(pending)} pending, safe on disk`}`;
  return { state, lead, rest, detail: trimmed(mongo.lastError ?? "") };
}

/** Returns the width of the strokes in the rule: one per hit, in groups of five, no more than a screen can show. */
function strokesWidth(pending) {
  const shown = Math.min(pending, 500);
  return Math.floor(shown / 5) * 40 + (shown % 5) * 7;
}

/** Returns the texts of the page for one state of a counter: plain text, "" for none. */
export function describe(view, now, timeZone) {
  const mongo = view.projections.find((projection) => projection.name === "mongodb");
  // Without a count, its pending part is unknown, but the lag of the whole log is not.
  const pending = view.count === null ? (mongo?.lag ?? 0) : view.pending;
  const number = view.count === null ? "—" : grouped.format(view.count);
  const unit = view.count === 1 ? "hit" : "hits";
  let unknown = "";
  if (view.count === null) {
    const halted = view.projections.find(({ name, state }) => name !== "mongodb" && state === "halted");
    const why = trimmed(halted?.lastError ?? "") || "counting has halted";
    unknown = `Every accepted hit is safe in the log; the total is unknown because ${why}.`;
  }
  return {
    ...mongoState({ mongo, pending, isCounting: view.count !== null, now, timeZone }),
    title: `${number} ${unit} of ${view.counter}`,
    number,
    digits: number.replace(/\D/g, "").length,
    unit,
    unknown,
    incomplete: view.incomplete ? "Damage was found in the log: the true count may be higher." : "",
    strokes: strokesWidth(pending),
    gap: pending === 0 ? 0 : strokesWidth(pending) + 4,
  };
}

function start() {
  const main = document.querySelector("main");
  const part = (id) => document.getElementById(id);
  const set = (id, text) => {
    if (text !== undefined && part(id).textContent !== text) part(id).textContent = text;
  };

  // `since` is in the server's time: an offset of this machine's clock must not show in "(12 s)".
  const [navigation] = performance.getEntriesByType("navigation");
  const skew = Date.parse(main.dataset.now) - performance.timeOrigin - (navigation?.responseStart ?? 0);

  let view;
  let asOf = Date.now();
  let isLost = false;

  /** Puts each character of the number into a cell, and turns only the cells that changed. */
  function showNumber(text, digits) {
    const number = part("number");
    const before = number.textContent;
    const cell = (character) => {
      const span = document.createElement("span");
      span.textContent = character;
      return span;
    };
    if (number.children.length === 0 || before.length !== text.length) {
      number.replaceChildren(...[...text].map(cell));
      number.dataset.digits = digits;
      fit();
      return;
    }
    for (const [i, character] of [...text].entries()) {
      if (character === before[i]) continue;
      const turning = cell(character);
      turning.dataset.was = before[i];
      number.children[i].replaceWith(turning);
    }
  }

  /** Sets the number in a smaller size if the font has wider digits than the style sheet assumes. */
  function fit() {
    const number = part("number");
    number.style.fontSize = "";
    const over = number.getBoundingClientRect().width / number.parentElement.clientWidth;
    if (over > 1) number.style.fontSize = `${(Number.parseFloat(getComputedStyle(number).fontSize) / over) * 0.99}px`;
  }

  function show() {
    const words = view === undefined ? {} : describe(view, Date.now() + skew);
    if (isLost) {
      words.state = "lost";
      words.lead = "Connection lost";
      words.rest = ", trying again…";
      words.detail = `Data shown is from ${clockTime(asOf, Date.now())}`;
    }
    for (const id of ["unit", "lead", "rest", "detail", "unknown", "incomplete"]) set(id, words[id]);
    if (words.state !== undefined) {
      main.dataset.state = words.state;
      part("sign").setAttribute("href", `#sign-${words.state}`);
    }
    if (view !== undefined) {
      showNumber(words.number, words.digits);
      set("heard", words.number);
      document.title = words.title;
      for (const id of ["strokes", "gap"]) {
        part(id).setAttribute("x", -words[id]);
        part(id).setAttribute("width", words[id]);
      }
    }
    speak();
  }

  // Read out by screen readers: a new state soon, a new number now and then, nothing twice.
  let spokenAt = performance.now();
  let spokenState = main.dataset.state;
  let speaking;
  function speak() {
    clearTimeout(speaking);
    const pause = main.dataset.state === spokenState ? 30_000 : 5_000;
    speaking = setTimeout(
      () => {
        spokenAt = performance.now();
        spokenState = main.dataset.state;
        set("spoken", `${document.title}. ${isLost ? "Connection lost." : part("lead").textContent}`);
      },
      spokenAt + pause - performance.now(),
    );
  }

  let source;
  let openedAt = 0;
  let heardAt = 0;
  let tries = 0;
  let retry;
  let losing;

  function heard() {
    heardAt = performance.now();
    clearTimeout(losing);
    losing = undefined;
    isLost = false;
  }

  function close() {
    clearTimeout(retry);
    clearTimeout(losing);
    losing = undefined;
    source?.close();
    source = undefined;
  }

  function open() {
    if (source !== undefined || document.hidden || document.prerendering) return;
    clearTimeout(retry);
    openedAt = heardAt = performance.now();
    source = new EventSource(main.dataset.events);
    source.addEventListener("open", () => {
      heard();
      show();
    });
    source.addEventListener("counter", (event) => {
      heard();
      view = JSON.parse(event.data);
      asOf = Date.now();
      show();
    });
    source.addEventListener("error", () => {
      source?.close();
      source = undefined;
      // A browser never tries again after an answer other than 200 (a proxy's 502 during a restart), so this does.
      tries = performance.now() - openedAt > 5_000 ? 0 : tries + 1;
      retry = setTimeout(open, Math.min(300 * 2 ** tries, 5_000) * (0.5 + Math.random() / 2));
      // A stream that a proxy cut is back before this.
      losing ??= setTimeout(() => {
        isLost = true;
        show();
      }, 800);
    });
  }

  showNumber(part("number").textContent, part("number").dataset.digits);
  addEventListener("resize", fit);

  // A hidden tab holds no stream: six of them would use up the browser's connections to this server.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  document.addEventListener("prerenderingchange", open);
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  addEventListener("online", open);
  setInterval(() => {
    // A dead connection (after a laptop slept) looks open for ever; a new one brings the current state.
    if (source !== undefined && performance.now() - heardAt > 45_000) {
      close();
      open();
    }
    if (!document.hidden) show();
  }, 1_000);
  open();

  const command = part("command");
  const url = new URL(main.dataset.hits, document.baseURI).href;
  command.textContent = `curl -X POST ${/^[\w.~:/%-]+$/.test(url) ? url : `'${url.replaceAll("'", "%27")}'`}`;
  const copy = part("copy");
  copy.hidden = navigator.clipboard === undefined;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(command.textContent).then(
      () => set("copy", "Copied"),
      () => getSelection().selectAllChildren(command),
    );
    setTimeout(() => set("copy", "Copy"), 2_000);
  });
}

if (typeof document !== "undefined") start();
