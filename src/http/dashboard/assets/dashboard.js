// The dashboard's script, as browsers run it: puts the server's data into the page. Its texts are in dashboard-words.js,
// its charts in dashboard-charts.js.

import { drawLine, drawStates } from "./dashboard-charts.js";
import { Connection, Token } from "./dashboard-connection.js";
import { element, setSign } from "./dashboard-elements.js";
import { listProblems } from "./dashboard-problems.js";
import { CounterRows } from "./dashboard-table.js";
import {
  amount,
  bytes,
  chartWords,
  duration,
  mongoOf,
  mongoWords,
  number,
  problems,
  rate,
  sinceWords,
} from "./dashboard-words.js";

const HOUR_MS = 3_600_000;
const ROW_MS = 300_000;
const MONGO = ["", "up", "away", "halted"];

const part = (id) => document.getElementById(id);
const set = (id, text) => {
  if (part(id).textContent !== text) part(id).textContent = text;
};
const show = (id, isShown) => {
  part(id).hidden = !isShown;
};

const token = new Token();
const rows = new CounterRows(part("top").tBodies[0]);
let history = [];
let epoch;
let seen;
let seenAt = 0;

// Read out by screen readers: a change of state that has lasted a second, not every change of a number.
let spokenKey = "";
let speaking;
function speak(key, text) {
  if (key === spokenKey) {
    clearTimeout(speaking);
    return;
  }
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    spokenKey = key;
    set("spoken", text());
  }, 1_000);
}

function showProblems(found) {
  listProblems(part("problem-list"), found);
  show("problems", found.length > 0);
  show("well", found.length === 0);
}

function showFigures(data) {
  const { log, counters, accepted, rejected, uptime } = data;
  const mongo = mongoOf(data);
  const newest = history.at(-1);
  set("rate", newest === undefined ? "…" : rate(newest.rate));
  set("rate-more", `${number(accepted)}\u00a0accepted, ${number(rejected)}\u00a0refused in ${duration(uptime * 1000)}`);
  const words = mongoWords(data, newest?.rate ?? 0);
  setSign(part("mongo"), words.sign);
  part("mongo").lastElementChild.textContent = words.lead;
  set("mongo-more", words.rest);
  set("owed", number(mongo?.lag ?? 0));
  const owing = counters?.owing ?? 0;
  set("owed-more", owing === 0 ? "hits" : `hits of ${amount(owing, "counter")}`);
  set("size", bytes(log.bytes));
  set("size-more", amount(log.segments, "segment"));
  set("free", log.freeBytes === null ? "unknown" : bytes(log.freeBytes));
  const places = log.damage.total;
  set("damage", places === 0 ? "None" : amount(places, "place"));
  set("damage-more", places === 0 ? "found in the log" : "in the log");
  part("damage").classList.toggle("bad", places > 0);
  set("about", `Log ${log.id}, epoch ${number(log.epoch)}, offsets ${number(log.start)} to ${number(log.end)}.`);
}

function showHour(data) {
  const {
    now,
    history: { everyMs },
  } = data;
  for (const [id, words] of [
    ["rate", rate],
    ["owed", (n) => number(Math.round(n))],
  ]) {
    const value = (sample) => sample[id];
    const top = drawLine(part(`${id}-chart`), { samples: history, value, now, everyMs });
    set(`${id}-top`, number(top));
    set(`${id}-words`, chartWords({ samples: history, value, now, words }));
  }
  drawStates(part("states"), { samples: history, now, everyMs });
  set("since", sinceWords(history, now, data.uptime));
  if (part("numbers").open) showNumbers(now);
}

function showNumbers(now) {
  const lines = [];
  for (let ago = 0; ago < HOUR_MS; ago += ROW_MS) {
    const within = history.filter(({ at }) => now - at >= ago && now - at < ago + ROW_MS);
    const last = within.at(-1);
    if (last === undefined) continue;
    const average = within.reduce((sum, one) => sum + one.rate, 0) / within.length;
    const most = within.reduce((best, one) => Math.max(best, one.rate), 0);
    const states = [...new Set(within.map(({ state }) => MONGO[state]))].join(", ");
    const head = element("th", "", `${ago / 60_000}–${(ago + ROW_MS) / 60_000}`);
    head.scope = "row";
    const cells = [rate(average), rate(most)].map((text) => element("td", "", text));
    const owed = [number(last.owed), states].map((text) => element("td", "mongo-only", text));
    lines.push(element("tr", "", head, ...cells, ...owed));
  }
  part("numbers")
    .querySelector("tbody")
    .replaceChildren(...lines);
}

function showCounters({ counters }) {
  const top = counters?.top ?? [];
  show("top", top.length > 0);
  show("no-counters", top.length === 0);
  set(
    "no-counters",
    counters === null ? "The counts are unknown: see “Needs attention”." : "Nothing has been counted yet.",
  );
  part("top").classList.toggle(
    "no-days",
    top.every(({ hours }) => hours === null),
  );
  const known = counters?.known ?? 0;
  const of = known > top.length ? ` of ${number(known)}` : "";
  const incomplete = top.some((one) => one.incomplete) ? ". Counts may be too low: the log is damaged" : "";
  set("top-caption", `Counters by hits: the top ${number(top.length)}${of}${incomplete}`);
  rows.show(top);
}

/** Adds new samples; those from before a restart stay until they are an hour old. Returns true if some are missing. */
function addHistory({ now, log, history: { last, at, rate: rates, owed, state } }) {
  const isRestarted = epoch !== undefined && epoch !== log.epoch;
  const isPartial = isRestarted && at.length < Math.min(last, HOUR_MS / 5_000);
  epoch = log.epoch;
  const fresh = at.map((time, i) => ({ at: time, rate: rates[i], owed: owed[i], state: state[i] }));
  const first = fresh[0]?.at ?? Number.POSITIVE_INFINITY;
  // After a clock was set back, or if samples are sent again, the latest ones are used.
  history = [...history.filter((one) => one.at < first), ...fresh].filter((one) => now - one.at < HOUR_MS);
  connection.after = isPartial ? 0 : last;
  return isPartial;
}

function showData(data) {
  const isPartial = addHistory(data);
  const found = problems(data);
  seen = data;
  seenAt = Date.now();
  document.body.classList.toggle("local", mongoOf(data) === undefined);
  showProblems(found);
  showFigures(data);
  showHour(data);
  showCounters(data);
  show("door", false);
  show("content", true);
  document.title = `${found.length === 0 ? "" : `(${found.length}) `}Dashboard · durable-hits`;
  const mongo = mongoWords(data, history.at(-1)?.rate ?? 0);
  const titles = found.map(({ title }) => title).join(". ");
  speak(JSON.stringify(["live", mongo.sign, found.map(({ id }) => id)]), () =>
    found.length === 0 ? `Nothing needs attention. MongoDB: ${mongo.lead}.` : `Needs attention: ${titles}.`,
  );
  return isPartial;
}

function showState(state) {
  const words = {
    live: ["up", "Live", ""],
    lost: ["lost", "Connection lost,", "trying again…"],
    denied: ["local", "Locked", ""],
  };
  const [sign, lead, rest] = words[state];
  setSign(part("connection"), sign);
  set("connection-lead", lead);
  const time = new Date(seenAt).toLocaleTimeString("en-GB", { hourCycle: "h23" });
  set("connection-rest", state === "lost" && seen !== undefined ? `${rest} Data shown is from ${time}.` : rest);
  // The last known state may be out of date.
  if (state === "lost") show("well", false);
  show("forget", state !== "denied" && token.value !== "");
  // Links cannot send the token: they would only lead to a refusal.
  for (const id of ["status-link", "counters-link"]) show(id, state !== "denied" && token.value === "");
  if (state === "lost") speak("lost", () => "Connection to the server lost, trying again.");
  if (state === "denied") askForToken();
}

function askForToken() {
  const wasGiven = token.value !== "";
  token.value = "";
  // Nothing that was shown with the token stays in the page.
  if (seen !== undefined) return location.reload();
  show("door", true);
  set("why", wasGiven ? "That is not this server’s token." : "");
  part("token").setAttribute("aria-invalid", wasGiven);
  document.title = "Dashboard · durable-hits";
  part("token").select();
  part("token").focus();
}

const connection = new Connection({ url: "dashboard/data", token, onData: showData, onState: showState });

part("door").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = part("token").value.trim();
  if (!/^[\x21-\x7e]+$/.test(given)) {
    set("why", "A token consists of visible ASCII characters, without spaces.");
    part("token").setAttribute("aria-invalid", true);
    return;
  }
  token.value = given;
  connection.request();
});
part("forget").addEventListener("click", () => {
  token.value = "";
  part("token").value = "";
  connection.request();
});
part("numbers").addEventListener("toggle", () => {
  if (seen !== undefined) showNumbers(seen.now);
});
connection.request();
