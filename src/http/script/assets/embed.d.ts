/**
 * Returns what to paste, by the ids of the elements that show it. `base` ends with "/"; a counter of "" is the page's own
 * path, which only the script knows. Throws for a name with a lone surrogate.
 */
export function snippets(base: string, counter: string): Readonly<Record<string, string>>;

/** Returns why a counter's name is not valid, for people; "" for a valid name, and for "". */
export function complaint(counter: string): string;
