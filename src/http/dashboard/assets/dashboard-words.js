// What the dashboard says, as plain text; a command stands between `backticks`. It knows nothing of the document, so that
// tests run it without one.

const grouped = new Intl.NumberFormat("en-US");
const oneDecimal = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const SPACE = "\u00a0";

export const number = (n) => grouped.format(n);

/** `1 hit`, `2,000 hits`. */
export const amount = (n, one, more = `${one}s`) => `${number(n)}${SPACE}${n === 1 ? one : more}`;

/** Hits a second: with a decimal where that says something. */
export const rate = (n) => (n === 0 || n >= 10 ? number(Math.round(n)) : oneDecimal.format(Math.max(n, 0.1)));

export function bytes(n) {
  if (n < 1024) return amount(n, "byte");
  const power = Math.min(3, Math.floor(Math.log2(n) / 10));
  const value = n / 1024 ** power;
  return `${value < 100 ? oneDecimal.format(value) : number(Math.round(value))}${SPACE}${["", "KiB", "MiB", "GiB"][power]}`;
}

const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
];

/** `12 s`, `3 min`, `2 h 5 min`: seconds are only told within the first minute. */
export function duration(ms) {
  const s = Math.max(0, Math.floor(ms / 1_000));
  const first = UNITS.findIndex(([, size]) => s >= size);
  if (first === -1) return `0${SPACE}s`;
  const [unit, size] = UNITS[first];
  const whole = `${number(Math.floor(s / size))}${SPACE}${unit}`;
  const [smaller, part] = UNITS[first + 1] ?? ["s", 1];
  const rest = Math.floor((s % size) / part);
  return rest === 0 || smaller === "s" ? whole : `${whole}${SPACE}${rest}${SPACE}${smaller}`;
}

const trimmed = (text) => (text ?? "").trim().replace(/[.\s]+$/, "");
/** What others say, as a sentence: an error begins small and has no full stop. */
const sentence = (text) => {
  const said = trimmed(text);
  return said === "" ? "" : `${said.charAt(0).toUpperCase()}${said.slice(1)}.`;
};
const listed = ({ total, first }) => (total > first.length ? [`and ${number(total - first.length)} more`] : []);

export const mongoOf = (data) => data.projections.find(({ name }) => name === "mongodb");

/**
 * How the projection into MongoDB stands: a sign, a word or two, and since when. Under way is always what came in the last
 * moments: it is only behind with more than five seconds of `hitsPerSecond`.
 */
export function mongoWords(data, hitsPerSecond) {
  const mongo = mongoOf(data);
  if (mongo === undefined) return { sign: "local", lead: "Local only", rest: "no MongoDB configured" };
  const since = Date.parse(mongo.since);
  const rest = Number.isNaN(since) ? "" : `for ${duration(data.now - since)}`;
  if (mongo.state === "halted") return { sign: "halted", lead: "Halted", rest };
  if (mongo.state === "retrying") return { sign: "away", lead: "Away", rest };
  const busy = mongo.lag > Math.max(100, 5 * hitsPerSecond);
  return { sign: busy ? "moving" : "up", lead: busy ? "Catching up" : "Up", rest };
}

const REFUSED = {
  DISK_FULL: "Make room on the log’s volume. It is tried again every second.",
  QUEUE_FULL: "The disk is slower than the traffic. If it stays so, look at the disk, or raise `MAX_QUEUED_BYTES`.",
  LOG_FAILED: "The process is about to end, and the next start recovers what is on disk. Look at the disk first.",
  CLOSING: "The server is being stopped.",
};

/** `8,231 hits of 14 counters`. */
function owedWords(data, lag) {
  const owing = data.counters?.owing ?? 0;
  return owing === 0 ? amount(lag, "hit") : `${amount(lag, "hit")} of ${amount(owing, "counter")}`;
}

function ofLog({ refusal, projections, log, counters }) {
  const found = [];
  if (refusal !== null) {
    const todo = REFUSED[refusal.code] ?? "";
    found.push({
      id: "refusal",
      sign: "halted",
      title: "Hits are refused",
      text: sentence(refusal.detail),
      list: [],
      todo,
    });
  }
  const local = projections.find(({ name, state }) => name === "local" && state === "halted");
  if (local !== undefined) {
    const todo = "`durable-hits wal verify` says what is missing; `docs/repair.md` goes through it in order.";
    found.push({
      id: "counts",
      sign: "halted",
      title: "The counts are unknown",
      text: sentence(local.lastError),
      list: [],
      todo,
    });
  }
  const { damage, unsettled, freeBytes, segmentBytes } = log;
  if (damage.total > 0) {
    const places = damage.first.map(({ file, byte, from, to, found: what }) => {
      const offsets = to === null ? `offsets from ${number(from)} on` : `offsets ${number(from)} to ${number(to)}`;
      return `${file}, byte ${number(byte)}, ${offsets}: ${trimmed(what)}`;
    });
    found.push({
      id: "damage",
      sign: "halted",
      title: `The log is damaged in ${amount(damage.total, "place")}`,
      text: "Hits are taken all the same, in a new segment. Counts may be too low, and MongoDB waits, until it is repaired.",
      list: [...places, ...listed(damage)],
      todo: "Look at the disk first. Then `durable-hits wal verify` and, with the server stopped, `durable-hits wal repair`.",
    });
  }
  if (unsettled.total > 0) {
    const ranges = unsettled.first.map(({ file, from, to }) => `${file}, offsets ${number(from)} to ${number(to)}`);
    found.push({
      id: "unsettled",
      sign: "away",
      title: "A repair has not asked MongoDB yet",
      text: "The projection waits in front of what is missing, so that what only MongoDB knows of it is not overtaken.",
      list: [...ranges, ...listed(unsettled)],
      todo: "When MongoDB answers, stop the server and run `durable-hits wal repair --yes`.",
    });
  }
  // Said once: a full disk that refuses hits has been told above.
  if (freeBytes !== null && freeBytes < 10 * segmentBytes && refusal?.code !== "DISK_FULL") {
    const full = freeBytes < 2 * segmentBytes;
    found.push({
      id: "disk",
      sign: full ? "halted" : "away",
      title: full ? "The disk is all but full" : "The disk is filling up",
      text: `${bytes(freeBytes)} are free. The log needs room for two segments of ${bytes(segmentBytes)}; without it hits are refused.`,
      list: [],
      todo: "Make room on the log’s volume, or set a smaller `WAL_RETENTION_BYTES`.",
    });
  }
  if (counters !== null && counters.known >= 0.9 * counters.limit) {
    const full = counters.known >= counters.limit;
    found.push({
      id: "counters",
      sign: "away",
      title: full ? "No new counter is taken" : "There is little room for new counters",
      text: `There are ${number(counters.known)} counters of ${number(counters.limit)} that there may be. Those that exist count on.`,
      list: [],
      todo: "Raise `MAX_COUNTERS`, or bound the names with `COUNTERS_ALLOW`.",
    });
  }
  return found;
}

function ofMongo(data) {
  const mongo = mongoOf(data);
  if (mongo === undefined) return [];
  const found = [];
  const since = Date.parse(mongo.since);
  const ago = Number.isNaN(since) ? "" : ` for ${duration(data.now - since)}`;
  const wait =
    mongo.lag === 0
      ? "Nothing waits."
      : `${owedWords(data, mongo.lag)} ${mongo.lag === 1 ? "is" : "are"} safe on disk and wait.`;
  const list = trimmed(mongo.lastError) === "" ? [] : [trimmed(mongo.lastError)];
  if (mongo.state === "halted") {
    const text = `${wait} Hits are taken and counted here all the same.`;
    const todo = "Put right what is said above: it is tried again by itself.";
    found.push({ id: "mongodb", sign: "halted", title: "Projecting into MongoDB has halted", text, list, todo });
  } else if (mongo.state === "retrying") {
    const text = `${wait} Nothing is lost, and no request waits for it.`;
    const todo = "Start MongoDB, or look at the network and at `MONGODB_URL`. It catches up by itself.";
    found.push({ id: "mongodb", sign: "away", title: `MongoDB has been away${ago}`, text, list, todo });
  }
  if (mongo.blocked > 0) {
    const first = mongo.blockedCounters ?? [];
    found.push({
      id: "blocked",
      sign: "away",
      title: `${amount(mongo.blocked, "counter")} can’t be projected`,
      text: "MongoDB has documents that can’t be worked with. All other counters go on.",
      list: [
        ...first.map(({ counter, reason }) => ({ name: counter, text: trimmed(reason) })),
        ...listed({ total: mongo.blocked, first }),
      ],
      todo: "Put these documents right in MongoDB. Each is tried again every ten seconds.",
    });
  }
  return found;
}

/** What needs somebody's attention, the worst first. */
export function problems(data) {
  const found = [...ofLog(data), ...ofMongo(data)];
  return [...found.filter(({ sign }) => sign === "halted"), ...found.filter(({ sign }) => sign !== "halted")];
}

/** Why the charts don't show a whole hour; "" where they do. */
export function sinceWords(samples, now, uptime) {
  const first = samples[0]?.at ?? now;
  // A page that was open before the server was started anew still shows what was before.
  if (uptime > 3_600 || now - first > (uptime + 15) * 1_000) return "";
  return `The history begins with the start of this server, ${duration(uptime * 1_000)} ago.`;
}

/** What a chart shows, in words. `samples` are those of the last hour, `say` puts a value into words. */
export function chartWords(samples, value, now, say) {
  if (samples.length === 0) return "The first sample is taken within five seconds.";
  const highest = samples.reduce((best, one) => (value(one) >= value(best) ? one : best));
  if (value(highest) === 0) return `Nothing in the last ${duration(Math.max(5_000, now - samples[0].at))}.`;
  const average = samples.reduce((sum, one) => sum + value(one), 0) / samples.length;
  const ago = now - highest.at < 10_000 ? "now" : `${duration(now - highest.at)} ago`;
  return `Highest ${say(value(highest))}, ${ago}; ${say(average)} on average.`;
}
