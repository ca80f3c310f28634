import * as z from "zod";
import { checkedQueryValue } from "../query-schema.js";

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

const MAX_LABEL = 64;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what XML has no way to express, and other control characters.
const FIT = /^[^\u0000-\u001f\u007f-\u009f\ufffe\uffff]*$/;
const LABEL_ALLOWED = `is at most ${MAX_LABEL} characters, without control characters`;

const COLOUR = new RegExp(`^(?:#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})|${COLOURS.join("|")})$`);

const colour = z
  .string()
  .toLowerCase()
  .regex(COLOUR, `is a hex colour like 08c or 0088cc, or one of: ${COLOURS.join(", ")}`);

/** What a query may ask for. A value that isn't allowed has a message of its own. */
export const badgeQuery = z.object({
  label: z
    .string()
    // Characters, as JSON Schema counts them, not UTF-16 code units.
    .refine((label) => [...label].length <= MAX_LABEL, { message: LABEL_ALLOWED })
    .regex(FIT, LABEL_ALLOWED)
    .meta({ maxLength: MAX_LABEL, description: "What stands on the left.", default: "hits", example: "views" }),
  color: colour.meta({
    description: "Behind the count: hex, or one of shields.io's names.",
    default: "blue",
    example: "08c",
  }),
  labelColor: colour.meta({ description: "Behind the label.", example: "555" }),
  style: z
    .enum(STYLES, `is one of: ${STYLES.join(", ")}`)
    .meta({ description: "The shape.", default: "flat", example: "flat-square" }),
});

export const DEFAULT_LOOK: BadgeLook = { label: "hits", color: "blue", labelColor: undefined, style: "flat" };

/** The look that a query asks for: `label`, `color`, `labelColor`, `style`. Throws `INVALID_QUERY`. */
export function badgeLook(query: string): BadgeLook {
  const { label, color, labelColor, style } = badgeQuery.shape;
  return {
    label: checkedQueryValue(query, "label", label) ?? DEFAULT_LOOK.label,
    color: hash(checkedQueryValue(query, "color", color)) ?? DEFAULT_LOOK.color,
    labelColor: hash(checkedQueryValue(query, "labelColor", labelColor)),
    style: checkedQueryValue(query, "style", style) ?? DEFAULT_LOOK.style,
  };
}

/** A badge as SVG; all text in it is escaped. */
export async function badge({ labelColor, ...look }: BadgeLook, message: string): Promise<string> {
  // Loaded for the first badge: its font tables take 14 MB, and many servers never draw one.
  const { makeBadge } = await import("badge-maker");
  return makeBadge({ ...look, ...(labelColor === undefined ? undefined : { labelColor }), message });
}

/** A hex colour with its `#`, which badge-maker wants; a name as it is. */
function hash(colour: string | undefined): string | undefined {
  return colour !== undefined && /^[0-9a-f]+$/.test(colour) ? `#${colour}` : colour;
}
