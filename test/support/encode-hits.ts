import { BatchEncoder } from "../../src/hit/encoding.js";
import type { Hit } from "../../src/model/hit.js";

/** Encodes hits in order, for one batch. */
export function encodeHits(hits: readonly Hit[]): Buffer {
  const encoder = new BatchEncoder();
  const names = new Map<string, number>();
  for (const hit of hits) {
    const name = names.get(hit.counter) ?? names.size;
    names.set(hit.counter, name);
    encoder.add(hit, name);
  }
  return encoder.bytes();
}
