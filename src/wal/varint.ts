/** Returns the bytes that a varint of this value takes. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Writes a varint as in Protocol Buffers (base 128, low bits first), for integers below 2^53; returns its end. */
export function writeVarint(target: Buffer, at: number, value: number): number {
  let rest = value;
  let position = at;
  while (rest >= 0x80) {
    target[position++] = (rest % 0x80) + 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[position++] = rest;
  return position;
}

/** A cursor over varints and the bytes between them. It never reads past its end: `ok` becomes false instead. */
export class VarintReader {
  readonly buffer: Buffer;
  position: number;
  end: number;
  ok = true;

  constructor(buffer: Buffer, start: number, end: number) {
    this.buffer = buffer;
    this.position = start;
    this.end = end;
  }

  next(): number {
    let value = 0;
    let scale = 1;
    for (let read = 0; read < 8 && this.position < this.end; read++) {
      const byte = this.buffer[this.position++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    this.ok = false;
    return 0;
  }
}
