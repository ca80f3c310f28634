import * as z from "zod";

/** The schemas that have a name in /openapi.json; others are written out where they are used. */
const named = z.registry<{ readonly id: string }>();

type JsonSchema = Readonly<Record<string, unknown>>;

/** Gives a schema its name. */
export function component<T extends z.ZodType>(id: string, schema: T): T {
  named.add(schema, { id });
  return schema;
}

/** A reference to what a schema is called. */
export function schemaRef(schema: z.ZodType): JsonSchema {
  const id = named.get(schema)?.id;
  if (id === undefined) throw new Error("this schema has no name: give it one with component()");
  return { $ref: uriOf(id) };
}

/** All named schemas as JSON Schema, by name. Objects are open where not said otherwise: answers may get more members. */
export function namedSchemas(): Readonly<Record<string, JsonSchema>> {
  const { schemas } = z.toJSONSchema(named, { io: "input", uri: uriOf, override: withoutNoise });
  const names = Object.keys(schemas).sort();
  return Object.fromEntries(names.map((name) => [name, bare(schemas[name] ?? {})]));
}

/** A schema written out. */
export function inlineSchema(schema: z.ZodType): JsonSchema {
  return bare(z.toJSONSchema(schema, { io: "input", override: withoutNoise }));
}

/** The same for what is read out of a text: the number, say, and not its digits. */
export function parsedSchema(schema: z.ZodType): JsonSchema {
  return bare(z.toJSONSchema(schema, { io: "output", override: withoutNoise }));
}

function uriOf(id: string): string {
  return `#/components/schemas/${id}`;
}

function bare({ $schema: _, $id: __, ...schema }: JsonSchema): JsonSchema {
  return schema;
}

/** A whole number is no larger than JavaScript's, which says nothing to a reader. */
function withoutNoise({ jsonSchema }: { readonly jsonSchema: { maximum?: number } }): void {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}
