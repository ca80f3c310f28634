import { oneOf, type QueryType, queryValue } from "../query.js";

/** The look of a badge. Colours are names, or hex with a `#`. */
export interface BadgeLook {
  readonly label: string;
  readonly color: string;
  /** Undefined: the style's default. */
  readonly labelColor: string | undefined;
  readonly style: Style;
}

const STYLES = ["flat", "flat-square", "plastic", "for-the-badge", "social"] as const;
type Style = (typeof STYLES)[number];

/** badge-maker's names of colours: it does not report other names as errors. */
const COLOURS = [
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
];

const COLOUR = new RegExp(`^(?:#?(?:[0-9a-f]{3}|[0-9a-f]{6})|${COLOURS.join("|")})$`);

const MAX_LABEL = 64;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters, and others that XML cannot express.
const UNFIT = /[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/;

const LABEL: QueryType<string> = {
  expected: `at most ${MAX_LABEL} characters, without control characters`,
  // Characters, as JSON Schema counts them, not UTF-16 code units.
  parse: (text) => ([...text].length <= MAX_LABEL && !UNFIT.test(text) ? text : undefined),
};

/** Parsed to the form that badge-maker wants: a hex colour with its `#`, or a name. */
const COLOR: QueryType<string> = {
  expected: `a hex colour like 08c or 0088cc, or one of ${COLOURS.join(", ")}`,
  parse: (text) => {
    const colour = text.toLowerCase();
    if (!COLOUR.test(colour)) return undefined;
    return /^[0-9a-f]+$/.test(colour) ? `#${colour}` : colour;
  },
};

const STYLE = oneOf(STYLES);

export const DEFAULT_LOOK: BadgeLook = { label: "hits", color: "blue", labelColor: undefined, style: "flat" };

/** Parses the look in a query: `label`, `color`, `labelColor`, `style`. Throws `INVALID_QUERY`. */
export function parseBadgeLook(query: string): BadgeLook {
  return {
    label: queryValue(query, "label", LABEL) ?? DEFAULT_LOOK.label,
    color: queryValue(query, "color", COLOR) ?? DEFAULT_LOOK.color,
    labelColor: queryValue(query, "labelColor", COLOR),
    style: queryValue(query, "style", STYLE) ?? DEFAULT_LOOK.style,
  };
}

/** Resolves to a badge as SVG; all text in it is escaped. */
export async function drawBadge({ labelColor, ...look }: BadgeLook, message: string): Promise<string> {
  // Loaded for the first badge: its font tables take 14 MB, and many servers never draw one.
  const { makeBadge } = await import("badge-maker");
  return makeBadge({ ...look, ...(labelColor === undefined ? undefined : { labelColor }), message });
}
