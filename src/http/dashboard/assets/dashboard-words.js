// The texts of the dashboard, plain; a command is between `backticks`. Nothing here uses the document, so that tests run
// without one.

const grouped = new Intl.NumberFormat("en-US");
const oneDecimal = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const SPACE = "\u00a0";

export const number = (n) => grouped.format(n);

/** `1 hit`, `2,000 hits`. */
export const amount = (n, one, more = `${one}s`) => `${number(n)}${SPACE}${n === 1 ? one : more}`;

/** Hits per second, with a decimal below 10. */
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

/** `12 s`, `3 min`, `2 h 5 min`: seconds are shown within the first minute only. */
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
/** Makes a sentence of an error message, which starts in lower case and has no full stop. */
const sentence = (text) => {
  const message = trimmed(text);
  return message === "" ? "" : `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
};
const listed = ({ total, first }) => (total > first.length ? [`and ${number(total - first.length)} more`] : []);

export const mongoOf = (data) => data.projections.find(({ name }) => name === "mongodb");

/**
 * Returns the state of the projection into MongoDB: a sign, a word or two, and for how long. The hits of the last moments
 * are always pending: the projection lags only with more than five seconds of `hitsPerSecond`.
 */
export function mongoWords(data, hitsPerSecond) {
  const mongo = mongoOf(data);
  if (mongo === undefined) return { sign: "local", lead: "Local only", rest: "no MongoDB configured" };
  const since = Date.parse(mongo.since);
  const rest = Number.isNaN(since) ? "" : `for ${duration(data.now - since)}`;
  if (mongo.state === "halted") return { sign: "halted", lead: "Halted", rest };
  if (mongo.state === "retrying") return { sign: "away", lead: "Away", rest };
  const isLagging = mongo.lag > Math.max(100, 5 * hitsPerSecond);
  return { sign: isLagging ? "moving" : "up", lead: isLagging ? "Catching up" : "Up", rest };
}

const REFUSED = {
  DISK_FULL: "Free space on the log’s volume. The server retries every second.",
  QUEUE_FULL: "The disk is slower than the traffic. If this continues, check the disk, or raise `MAX_QUEUED_BYTES`.",
  LOG_FAILED: "Check the disk. The process is about to exit; the next start recovers what is on disk.",
  CLOSING: "The server is shutting down.",
};

/** `8,231 hits of 14 counters`. */
function owedWords(data, lag) {
  const owing = data.counters?.owing ?? 0;
  return owing === 0 ? amount(lag, "hit") : `${amount(lag, "hit")} of ${amount(owing, "counter")}`;
}

function logProblems({ refusal, projections, log, counters }) {
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
    const todo = "Run `durable-hits wal verify` to see what is missing, and follow `docs/repair.md`.";
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
    const places = damage.first.map(({ file, byte, from, to, found: cause }) => {
      const offsets = to === null ? `offsets from ${number(from)} on` : `offsets ${number(from)} to ${number(to)}`;
      return `${file}, byte ${number(byte)}, ${offsets}: ${trimmed(cause)}`;
    });
    found.push({
      id: "damage",
      sign: "halted",
      title: `The log is damaged in ${amount(damage.total, "place")}`,
      text: "Hits are still accepted, in a new segment. Until the log is repaired, counts may be too low, and nothing past the damage is projected into MongoDB.",
      list: [...places, ...listed(damage)],
      todo: "Check the disk first. Then run `durable-hits wal verify` and, with the server stopped, `durable-hits wal repair`.",
    });
  }
  if (unsettled.total > 0) {
    const ranges = unsettled.first.map(({ file, from, to }) => `${file}, offsets ${number(from)} to ${number(to)}`);
    found.push({
      id: "unsettled",
      sign: "away",
      title: "A repair has not asked MongoDB yet",
      text: "The projection waits before the missing range until MongoDB has been asked which of its hits it has.",
      list: [...ranges, ...listed(unsettled)],
      todo: "When MongoDB is up, stop the server and run `durable-hits wal repair --yes`.",
    });
  }
  // Reported once: a full disk that refuses hits is in the list already.
  if (freeBytes !== null && freeBytes < 10 * segmentBytes && refusal?.code !== "DISK_FULL") {
    const full = freeBytes < 2 * segmentBytes;
    found.push({
      id: "disk",
      sign: full ? "halted" : "away",
      title: full ? "The disk is almost full" : "The disk is filling up",
      text: `${bytes(freeBytes)} are free. The log needs space for two segments of ${bytes(segmentBytes)}; without it, hits are refused.`,
      list: [],
      todo: "Free space on the log’s volume, or set a smaller `WAL_RETENTION_BYTES`.",
    });
  }
  if (counters !== null && counters.known >= 0.9 * counters.limit) {
    const full = counters.known >= counters.limit;
    found.push({
      id: "counters",
      sign: "away",
      title: full ? "New counters are refused" : "The limit of counters is near",
      text: `There are ${number(counters.known)} counters, and at most ${number(counters.limit)} are allowed. Existing ones still count.`,
      list: [],
      todo: "Raise `MAX_COUNTERS`, or restrict names with `COUNTERS_ALLOW`.",
    });
  }
  return found;
}

function mongoProblems(data) {
  const mongo = mongoOf(data);
  if (mongo === undefined) return [];
  const found = [];
  const since = Date.parse(mongo.since);
  const ago = Number.isNaN(since) ? "" : ` for ${duration(data.now - since)}`;
  const pending =
    mongo.lag === 0
      ? "Nothing is pending."
      : `${owedWords(data, mongo.lag)} ${mongo.lag === 1 ? "is" : "are"} pending, safe on disk.`;
  const list = trimmed(mongo.lastError) === "" ? [] : [trimmed(mongo.lastError)];
  if (mongo.state === "halted") {
    const text = `${pending} Hits are still accepted and counted here.`;
    const todo = "Fix the cause above. The projection then continues automatically.";
    found.push({ id: "mongodb", sign: "halted", title: "Projecting into MongoDB has halted", text, list, todo });
  } else if (mongo.state === "retrying") {
    const text = `${pending} Nothing is lost, and no request waits for MongoDB.`;
    const todo = "Start MongoDB, or check the network and `MONGODB_URL`. The projection then catches up automatically.";
    found.push({ id: "mongodb", sign: "away", title: `MongoDB has been away${ago}`, text, list, todo });
  }
  if (mongo.blocked > 0) {
    const first = mongo.blockedCounters ?? [];
    found.push({
      id: "blocked",
      sign: "away",
      title: `${amount(mongo.blocked, "counter")} cannot be projected`,
      text: "Their documents in MongoDB are damaged. All other counters continue.",
      list: [
        ...first.map(({ counter, reason }) => ({ name: counter, text: trimmed(reason) })),
        ...listed({ total: mongo.blocked, first }),
      ],
      todo: "Fix these documents in MongoDB. Each is retried every ten seconds.",
    });
  }
  return found;
}

/** Returns what needs attention, the worst first. */
export function problems(data) {
  const found = [...logProblems(data), ...mongoProblems(data)];
  return [...found.filter(({ sign }) => sign === "halted"), ...found.filter(({ sign }) => sign !== "halted")];
}

/** Returns why the charts do not show a whole hour; "" if they do. */
export function sinceWords(samples, now, uptime) {
  const first = samples[0]?.at ?? now;
  // A page opened before the server was restarted still shows the samples from before.
  if (uptime > 3_600 || now - first > (uptime + 15) * 1_000) return "";
  return `The history starts with this server, ${duration(uptime * 1_000)} ago.`;
}

/** Returns what a chart shows, in words. `samples` are those of the last hour; `words` formats a value. */
export function chartWords({ samples, value, now, words }) {
  if (samples.length === 0) return "The first sample is taken within five seconds.";
  const highest = samples.reduce((best, one) => (value(one) >= value(best) ? one : best));
  if (value(highest) === 0) return `Nothing in the last ${duration(Math.max(5_000, now - samples[0].at))}.`;
  const average = samples.reduce((sum, one) => sum + value(one), 0) / samples.length;
  const ago = now - highest.at < 10_000 ? "now" : `${duration(now - highest.at)} ago`;
  return `Highest ${words(value(highest))}, ${ago}; ${words(average)} on average.`;
}
