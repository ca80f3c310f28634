/**
 * Names, ids and payloads come from anybody. Some characters in them steer a terminal (the C1 controls hold a one-byte
 * escape), turn the direction of what follows, or end a line for some programs: these are never printed as they are.
 */
const STEERING = "\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ufeff";
const STEERING_CHARACTERS = new RegExp(`[${STEERING}]`, "g");
const QUOTED = new RegExp(`[${STEERING}\\u0000-\\u001f\\ud800-\\udfff]`);

/** JSON text with those characters escaped. They can only lie in its strings, so it means the same. */
export function printableJson(json: string): string {
  return json.replace(STEERING_CHARACTERS, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** A name in a column: as it is where that is plain to see, else as a JSON string. */
export function printableName(name: string): string {
  const isPlain = !QUOTED.test(name.replace(/[\ud800-\udbff][\udc00-\udfff]/g, "")) && name.trim() === name;
  return isPlain && name !== "" && !name.startsWith('"') ? name : printableJson(JSON.stringify(name));
}
