import * as assert from "uvu/assert";

/** A mebibyte beside what the file has: the zeros that segments are made of, and texts. */
const ALLOWED_BYTES = 1024 * 1024 + 64 * 1024;

/** Runs `body` and fails where it asked for a buffer larger than any file of these tests is. */
export async function withoutLargeBuffers(body: () => Promise<void>): Promise<void> {
  const { alloc, allocUnsafe, allocUnsafeSlow } = Buffer;
  let largest = 0;
  const watched =
    <Rest extends unknown[]>(make: (size: number, ...rest: Rest) => Buffer<ArrayBuffer>) =>
    (size: number, ...rest: Rest) => {
      largest = Math.max(largest, size);
      return make.call(Buffer, size, ...rest);
    };
  Object.assign(Buffer, {
    alloc: watched(alloc),
    allocUnsafe: watched(allocUnsafe),
    allocUnsafeSlow: watched(allocUnsafeSlow),
  });
  try {
    await body();
  } finally {
    Object.assign(Buffer, { alloc, allocUnsafe, allocUnsafeSlow });
  }
  assert.ok(largest > 0 && largest <= ALLOWED_BYTES, `a buffer of ${largest} bytes was asked for`);
}
