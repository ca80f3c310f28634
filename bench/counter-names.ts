/** Names of twenty bytes, as long as a page's path often is. */
export function counterNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `/blog/a-post/${String(index).padStart(7, "0")}`);
}
