/** Returns names of twenty bytes, a common length of a page's path. */
export function counterNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `/blog/a-post/${String(index).padStart(7, "0")}`);
}
