/**
 * Holds what `fetch` gets from real servers against the API description. Tests of faults take what they are thrown for a
 * fault of the network, so complaints come at the end: on standard error, and as exit status 1, which fails the file.
 */
const origins = new Set<string>();
const complaints = new Set<string>();
const MAX_SHOWN = 20;

/** From now on answers of the server at this address are looked at. */
export function holdAgainstDescription(url: string): void {
  if (origins.size === 0) watch();
  origins.add(new URL(url).origin);
}

function watch(): void {
  const plain = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const response = await plain(input, init);
    const { origin, pathname, search } = new URL(response.url);
    // Streams have no end to wait for; the tests of src/http look at these.
    const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
    if (origins.has(origin) && !isStream) {
      const method = init?.method ?? (input instanceof Request ? input.method : "GET");
      // A body that does not come to its end is no answer.
      void judge(response.clone(), method, `${pathname}${search}`).catch(() => undefined);
    }
    return response;
  };
  process.on("exit", () => {
    if (complaints.size === 0) return;
    console.error(`answers that /openapi.json does not describe:\n${[...complaints].slice(0, MAX_SHOWN).join("\n")}`);
    process.exitCode = 1;
  });
}

async function judge(response: Response, method: string, target: string): Promise<void> {
  const body = await response.text();
  // Many tests that start servers never ask them anything.
  const { complaintsAbout } = await import("./openapi-check.js");
  const headers = new Map(response.headers);
  for (const one of complaintsAbout({ method, target, status: response.status, headers, body })) complaints.add(one);
}
