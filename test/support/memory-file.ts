/** The unit that a disk writes as a whole or not at all. */
export const SECTOR_BYTES = 512;

/**
 * A file as the kernel has it (`cache`: what reads see) and as the disk has it (what a power cut leaves). Between the two
 * are dirty sectors, any of which the kernel may have written already.
 */
export class MemoryFile {
  #cache: Buffer = Buffer.alloc(0);
  #size = 0;
  #disk: Buffer = Buffer.alloc(0);
  readonly #dirty = new Set<number>();
  /** The smallest size since the last sync: what was past it on the disk is gone once the size is written. */
  #lowWater = 0;

  /** A file whose content is on the disk already. */
  static durable(content: Uint8Array): MemoryFile {
    const file = new MemoryFile();
    file.write(content, 0);
    file.sync();
    return file;
  }

  fork(): MemoryFile {
    const forked = new MemoryFile();
    forked.#cache = Buffer.from(this.#cache);
    forked.#size = this.#size;
    forked.#disk = Buffer.from(this.#disk);
    for (const sector of this.#dirty) forked.#dirty.add(sector);
    forked.#lowWater = this.#lowWater;
    return forked;
  }

  get size(): number {
    return this.#size;
  }

  content(): Buffer {
    return Buffer.from(this.#cache.subarray(0, this.#size));
  }

  read(target: Uint8Array, position: number): number {
    const part = this.#cache.subarray(Math.min(position, this.#size), Math.min(position + target.length, this.#size));
    target.set(part);
    return part.length;
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length;
    if (end > this.#cache.length) {
      const grown = Buffer.alloc(Math.max(end, this.#cache.length * 2));
      this.#cache.copy(grown, 0, 0, this.#size);
      this.#cache = grown;
    }
    this.#cache.set(bytes, position);
    this.#size = Math.max(this.#size, end);
    for (let sector = Math.floor(position / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector++) {
      this.#dirty.add(sector);
    }
  }

  truncate(size: number): void {
    if (size > this.#size) {
      this.write(Buffer.alloc(size - this.#size), this.#size);
      return;
    }
    this.#cache.fill(0, size);
    this.#size = size;
    this.#lowWater = Math.min(this.#lowWater, size);
    for (const sector of this.#dirty) if (sector * SECTOR_BYTES >= size) this.#dirty.delete(sector);
  }

  sync(): void {
    if (this.#dirty.size === 0 && this.#size === this.#disk.length && this.#lowWater === this.#size) return;
    this.#disk = this.onDisk(() => true);
    this.#dirty.clear();
    this.#lowWater = this.#size;
  }

  /** A write that is durable when it returns (`O_DSYNC`); what else is dirty stays so. */
  syncRange(position: number, length: number): void {
    const first = Math.floor(position / SECTOR_BYTES);
    const last = Math.floor((position + length - 1) / SECTOR_BYTES);
    const grows = position + length > this.#disk.length;
    this.#disk = this.onDisk((sector) => (sector === "size" ? grows : sector >= first && sector <= last));
    for (let sector = first; sector <= last; sector++) this.#dirty.delete(sector);
    if (grows) this.#lowWater = this.#size;
  }

  /** A sync that failed: the kernel takes the pages for clean. They read fine and are never written. */
  dropDirty(): void {
    this.#dirty.clear();
  }

  /** Changes bytes both in the cache and on the disk, as a failing disk does. */
  damage(bytes: Uint8Array, position: number): void {
    for (const content of [this.#cache.subarray(0, this.#size), this.#disk]) {
      content.set(bytes.subarray(0, Math.max(0, content.length - position)), Math.min(position, content.length));
    }
  }

  /** The file after a power cut, when of all that is dirty this was written already. */
  onDisk(written: (what: number | "size") => boolean): Buffer {
    const resized = this.#size !== this.#disk.length && written("size");
    const content = Buffer.alloc(resized ? this.#size : this.#disk.length);
    this.#disk.copy(content);
    if (resized) content.fill(0, this.#lowWater);
    for (const sector of this.#dirty) {
      const start = sector * SECTOR_BYTES;
      if (start < content.length && written(sector)) {
        this.#cache.copy(content, start, start, Math.min(start + SECTOR_BYTES, this.#size));
      }
    }
    return content;
  }
}

/** A small seeded generator (mulberry32): numbers from 0 to 1. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
