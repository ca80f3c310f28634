import { HitsError } from "../errors.js";
import { queryValue } from "./target.js";

/** How a badge looks. Colours are in the form that `colourIn` lets through. */
export interface BadgeLook {
  readonly label: string;
  readonly color: string;
  /** The default of the style where it is undefined. */
  readonly labelColor: string | undefined;
  readonly style: Style;
}

const STYLES = ["flat", "flat-square", "plastic", "for-the-badge", "social"] as const;
type Style = (typeof STYLES)[number];

/** The names that badge-maker has for colours of its own: what else it takes for one, it takes without a complaint. */
const COLOURS = new Set([
  ...[
    "brightgreen",
    "green",
    "yellow",
    "yellowgreen",
    "orange",
    "red",
    "blue",
    "grey",
    "gray",
    "lightgrey",
    "lightgray",
  ],
  ...["critical", "important", "success", "informational", "inactive"],
]);

const MAX_LABEL = 64;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what XML has no way to express, and other control characters.
const UNFIT = /[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/;

export const DEFAULT_LOOK: BadgeLook = { label: "hits", color: "blue", labelColor: undefined, style: "flat" };

/** The look that a query asks for: `label`, `color`, `labelColor`, `style`. Throws `INVALID_QUERY`. */
export function badgeLook(query: string): BadgeLook {
  return {
    label: labelIn(query) ?? DEFAULT_LOOK.label,
    color: colourIn(query, "color") ?? DEFAULT_LOOK.color,
    labelColor: colourIn(query, "labelColor"),
    style: styleIn(query) ?? DEFAULT_LOOK.style,
  };
}

/** A badge as SVG; all text in it is escaped. */
export async function badge({ labelColor, ...look }: BadgeLook, message: string): Promise<string> {
  // Loaded for the first badge: its font tables take 14 MB, and many servers never draw one.
  const { makeBadge } = await import("badge-maker");
  return makeBadge({ ...look, ...(labelColor === undefined ? undefined : { labelColor }), message });
}

function labelIn(query: string): string | undefined {
  const label = queryValue(query, "label");
  if (label === undefined || ([...label].length <= MAX_LABEL && !UNFIT.test(label))) return label;
  throw new HitsError("INVALID_QUERY", `label is at most ${MAX_LABEL} characters, without control characters`);
}

function colourIn(query: string, key: string): string | undefined {
  const colour = queryValue(query, key)?.toLowerCase();
  if (colour === undefined || COLOURS.has(colour)) return colour;
  const hex = /^#?([\da-f]{3}|[\da-f]{6})$/.exec(colour)?.[1];
  if (hex !== undefined) return `#${hex}`;
  throw new HitsError(
    "INVALID_QUERY",
    `${key} is a hex colour like 08c or 0088cc, or one of: ${[...COLOURS].join(", ")}`,
  );
}

function styleIn(query: string): Style | undefined {
  const wanted = queryValue(query, "style");
  const style = STYLES.find((one) => one === wanted);
  if (style !== undefined || wanted === undefined) return style;
  throw new HitsError("INVALID_QUERY", `style is one of: ${STYLES.join(", ")}`);
}
