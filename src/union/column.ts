const FIRST_CAPACITY = 4096;
/** Growing means copying, and new memory that is not touched costs nothing. */
const GROWTH = 4;

/**
 * 32-bit integers that grow at their end. Read and change elements through `values`, which moves when it grows.
 * All columns hold the same kind of array, so that the compiled code of {@link push} knows it.
 */
export class Column {
  values: Int32Array<ArrayBuffer> = new Int32Array(FIRST_CAPACITY);
  length = 0;

  /** Appends a value and returns its position. */
  push(value: number): number {
    const at = this.length++;
    if (at === this.values.length) this.#grow();
    this.values[at] = value;
    return at;
  }

  /** Appends many values. */
  append(values: ArrayLike<number>): void {
    const end = this.length + values.length;
    while (this.values.length < end) this.#grow();
    this.values.set(values, this.length);
    this.length = end;
  }

  /** The element at a position that exists. */
  at(position: number): number {
    return this.values[position] as number;
  }

  #grow(): void {
    const larger = new Int32Array(this.values.length * GROWTH);
    larger.set(this.values);
    this.values = larger;
  }
}
