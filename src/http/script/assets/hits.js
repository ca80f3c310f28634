// durable-hits: counts views, see /embed

// When it is served (script.ts), comments and indents are left out and KEEP_MS becomes a number. No build step: what is
// here is what browsers run, so it keeps to ES2019. It promises never to throw into the page, and never to write to its
// console.
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
    // Who asks not to be tracked is counted, but nothing is told of them and nothing stored.
    const anonymous = navigator.doNotTrack === "1" || navigator.globalPrivacyControl;

    // The outbox: an entry a hit, "QUERY BODY", in localStorage, where all tabs of this site see it and the next page
    // load finds it. Each has a key of its own, "NAME TIME ID": tabs can't overwrite what another has put there.
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
    // The newest first, since somebody may be looking at its count. What is too many goes, and what is so old that the
    // server may have forgotten its id: it would count twice where the answer to an earlier try was lost.
    const waiting = () =>
      [...new Set([...Object.keys(memory), ...Object.keys(box)])]
        .filter((key) => key.startsWith(`${name} `))
        .sort()
        .reverse()
        .filter((key, i) => (i < 50 && timeOf(key) > Date.now() - KEEP_MS) || drop(key));

    // What this page has put there and no answer has confirmed.
    let own = [];
    const hit = quietly((counter = ownCounter, { n = 1, payload } = {}) => {
      // randomUUID is for secure contexts only.
      const id = crypto.randomUUID ? crypto.randomUUID() : crypto.getRandomValues(new Uint32Array(4)).join("-");
      const key = `${name} ${Date.now()} ${id}`;
      const text = `${queryOf(counter)}&id=${id}&n=${n} ${(!anonymous && JSON.stringify(payload)) || ""}`;
      try {
        box[key] = text;
      } catch {
        memory[key] = text;
      }
      own = own.filter(entry).concat(key);
      // During a pause between tries it waits with the others, within their bounds.
      if (timer) waiting();
      else flush();
    });

    // Where an entry is sent, and the body. There is no space in a URL.
    const request = (key) => `${base}hits?${entry(key)}`.split(/ (.*)/s);

    // What one tab writes is seen in another a little later, even if a lock passes between them at once.
    const settled = () => new Promise((resolve) => setTimeout(resolve, 50));

    // Sends one. True unless it is still there afterwards: it goes when the server has it, or never will count it.
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
          // Browsers refuse large ones before the server can, and would again each time.
          keepalive: body.length < 2e4,
          signal: abort.signal,
        });
        // "200BOT" is the server's last word on it; "200null" is some proxy's.
        if (/^(20(2|0[A-Z])|4(?!08|29))/.test(answer.status + answer.headers.get("Hit-Not-Counted"))) drop(key);
        if (url.includes(`?${queryOf(ownCounter)}&`)) paint((await answer.json()).count);
      } catch {}
      clearTimeout(limit);
      sending = 0;
      await settled();
      return !entry(key);
    };

    // One tab sends at a time, so that none sends what another is sending; should it come to that, the id still makes
    // them one hit. Without locks (http:, old browsers) a lease in the storage does, longer than a request may take.
    const exclusively = async (work) => {
      if (!box.setItem) return work();
      if (navigator.locks) return navigator.locks.request(name, work).catch(work);
      if (Math.abs(box[name] - Date.now()) < 15e3) return false;
      const mine = `${Date.now() + Math.random()}`;
      try {
        box[name] = mine;
      } catch {}
      // Two may take it in the same moment: the last one has it. Nobody has it where the storage is full.
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
    // Answers overtake each other, and a retry is told the count of its first try: the highest is the newest.
    const paint = (count) => {
      if (count !== null && count > shown) shown = count;
      if (shown < 0) return;
      // Without data-show it looks for an element of the name "undefined", and finds none.
      for (const target of spot ? [spot] : document.querySelectorAll(show)) target.textContent = shown.toLocaleString();
    };

    let stream;
    const watch = () => {
      stream = new EventSource(`${base}events?${queryOf(ownCounter)}`);
      on(stream, "counter", (event) => paint(JSON.parse(event.data).count));
      // A browser gives up for good on an answer that isn't 200.
      on(stream, "error", () => {
        if (stream.readyState < 2) return;
        stream = 0;
        setTimeout(look, 3e4);
      });
    };

    // A view is a page that somebody sees: not yet one that is prerendered, or was opened in the background.
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
    // A beacon has no answer: what it carries stays until a fetch with the same id is answered. What is being sent
    // needs none, unless it is gone with this page should that fail.
    on(window, "pagehide", () => {
      for (const key of own) {
        if (memory[key] || (box[key] && key !== sending)) navigator.sendBeacon(...request(key));
      }
    });
    window.durableHits = { hit };
    look();
  })();
})();
