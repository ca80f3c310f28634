// durable-hits: counts views, see /embed

// script.ts serves it without comments and indents, and with a number for KEEP_MS. There is no build step: browsers run
// this code, so it is ES2019. It never throws into the page, and never writes to its console.
(() => {
  const quietly =
    (run) =>
    (...given) => {
      try {
        run(...given);
      } catch {}
    };
  const on = (target, type, run) => target.addEventListener(type, quietly(run));

  quietly(() => {
    const script = document.currentScript;
    const { counter, show, count } = script.dataset;
    // The server is where the script came from, path prefix included.
    const base = new URL(".", script.src).href;
    const ownCounter = counter || location.pathname;
    const queryOf = (counter) => `counter=${encodeURIComponent(counter)}`;
    // Readers who ask not to be tracked are counted, but nothing about them is sent or stored.
    const anonymous = navigator.doNotTrack === "1" || navigator.globalPrivacyControl;

    // The outbox: an entry per hit, "QUERY BODY", in localStorage, which all tabs of this site and later page loads share.
    // Each has its own key, "NAME TIME ID", so that tabs cannot overwrite each other's entries.
    const name = `durable-hits ${base}`;
    const memory = {};
    let box = memory;
    try {
      if (!anonymous) box = localStorage || box;
    } catch {}
    const timeOf = (key) => Number.parseInt(key.slice(name.length), 10);
    const entry = (key) => memory[key] || box[key];
    const drop = (key) => {
      delete memory[key];
      delete box[key];
    };
    // The newest first, since its count may be on screen. Entries past the limit are dropped, and those so old that the
    // server may have forgotten their ids: if the answer to an earlier try was lost, a retry would count twice.
    const waiting = () =>
      [...new Set([...Object.keys(memory), ...Object.keys(box)])]
        .filter((key) => key.startsWith(`${name} `))
        .sort()
        .reverse()
        .filter((key, i) => (i < 50 && timeOf(key) > Date.now() - KEEP_MS) || drop(key));

    // This page's entries that no answer has confirmed.
    let own = [];
    const hit = quietly((counter = ownCounter, { n = 1, payload } = {}) => {
      // randomUUID exists in secure contexts only.
      const id = crypto.randomUUID ? crypto.randomUUID() : crypto.getRandomValues(new Uint32Array(4)).join("-");
      const key = `${name} ${Date.now()} ${id}`;
      const text = `${queryOf(counter)}&id=${id}&n=${n} ${(!anonymous && JSON.stringify(payload)) || ""}`;
      try {
        box[key] = text;
      } catch {
        memory[key] = text;
      }
      own = own.filter(entry).concat(key);
      // During a pause between tries it waits with the others, within the limits.
      if (timer) waiting();
      else flush();
    });

    // The URL that an entry is sent to, and the body. A URL has no spaces.
    const request = (key) => `${base}hits?${entry(key)}`.split(/ (.*)/s);

    // Other tabs see a write a little later, even if a lock passes between them at once.
    const settled = () => new Promise((resolve) => setTimeout(resolve, 50));

    // Sends one entry. Resolves to true unless it is still there afterwards: it is dropped once the server has it, or will
    // never count it.
    let sending;
    const sendOne = async () => {
      const [key] = waiting();
      if (!key) return true;
      sending = key;
      const abort = new AbortController();
      const limit = setTimeout(() => abort.abort(), 1e4);
      try {
        const [url, body] = request(key);
        const answer = await fetch(url, {
          method: "POST",
          body,
          credentials: "omit",
          // Browsers refuse large bodies with keepalive, every time.
          keepalive: body.length < 2e4,
          signal: abort.signal,
        });
        // "200BOT" is the server's final answer; "200null" comes from some proxy.
        if (/^(20(2|0[A-Z])|4(?!08|29))/.test(answer.status + answer.headers.get("Hit-Not-Counted"))) drop(key);
        if (url.includes(`?${queryOf(ownCounter)}&`)) paint((await answer.json()).count);
      } catch {}
      clearTimeout(limit);
      sending = 0;
      await settled();
      return !entry(key);
    };

    // One tab sends at a time, so that none sends what another is sending; if two do, the id still makes them one hit.
    // Without locks (http:, old browsers) the storage holds a lease, which lasts longer than a request may take.
    const exclusively = async (work) => {
      if (!box.setItem) return work();
      if (navigator.locks) return navigator.locks.request(name, work).catch(work);
      if (Math.abs(box[name] - Date.now()) < 15e3) return false;
      const mine = `${Date.now() + Math.random()}`;
      try {
        box[name] = mine;
      } catch {}
      // If two take it in the same moment, the last one has it. If the storage is full, nobody has it.
      await settled();
      if (box[name] && box[name] !== mine) return false;
      const sent = await work();
      delete box[name];
      return sent;
    };

    let timer;
    let busy;
    let failures = 0;
    const flush = quietly(() => {
      clearTimeout(timer);
      timer = 0;
      if (!waiting()[0] || busy) return;
      busy = true;
      exclusively(sendOne)
        .catch(() => {})
        .then((sent) => {
          busy = false;
          if (sent) {
            failures = 0;
            flush();
          } else timer = setTimeout(flush, Math.min(2 ** ++failures, 300) * (250 + 500 * Math.random()));
        });
    });

    const spot = show === "" && document.createElement("span");
    if (spot) script.after(spot);
    let shown = -1;
    // Answers can arrive out of order, and a retry gets the count of its first try: the highest count is the newest.
    const paint = (count) => {
      if (count !== null && count > shown) shown = count;
      if (shown < 0) return;
      // Without data-show this selects elements named "undefined", of which there are none.
      for (const target of spot ? [spot] : document.querySelectorAll(show)) target.textContent = shown.toLocaleString();
    };

    let stream;
    const watch = () => {
      stream = new EventSource(`${base}events?${queryOf(ownCounter)}`);
      on(stream, "counter", (event) => paint(JSON.parse(event.data).count));
      // A browser never tries again after an answer other than 200.
      on(stream, "error", () => {
        if (stream.readyState < 2) return;
        stream = 0;
        setTimeout(look, 3e4);
      });
    };

    // A view is a page that somebody sees: a prerendered one, or one opened in the background, does not count yet.
    let due = true;
    const look = quietly(() => {
      if (document.hidden || document.prerendering) {
        if (stream) stream.close();
        stream = 0;
        return;
      }
      if (due && count !== "off") {
        const payload = { lang: navigator.language };
        try {
          const { origin } = new URL(document.referrer);
          if (origin !== location.origin && /^http/.test(origin)) payload.ref = origin;
        } catch {}
        hit(ownCounter, { payload });
      }
      due = false;
      flush();
      if (show !== undefined && !stream) watch();
    });
    on(document, "visibilitychange", look);
    on(document, "prerenderingchange", look);
    on(document, "DOMContentLoaded", () => paint(shown));
    on(window, "online", flush);
    on(window, "pageshow", (event) => {
      if (!event.persisted) return;
      due = true;
      look();
    });
    // A beacon has no answer: its entry stays until a fetch with the same id is answered. An entry being sent needs no
    // beacon, unless it is in memory only and would be lost with this page if that fails.
    on(window, "pagehide", () => {
      for (const key of own) {
        if (memory[key] || (box[key] && key !== sending)) navigator.sendBeacon(...request(key));
      }
    });
    window.durableHits = { hit };
    look();
  })();
})();
