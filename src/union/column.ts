type TypedArray =
  | Uint8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>;

const FIRST_CAPACITY = 1024;

/** A typed array that grows at its end. Read and change elements through `values`, which moves when it grows. */
export class Column<T extends TypedArray> {
  values: T;
  length = 0;
  readonly #type: new (
    length: number,
  ) => T;

  constructor(type: new (length: number) => T) {
    this.#type = type;
    this.values = new type(FIRST_CAPACITY);
  }

  /** Appends a value and returns its position. */
  push(value: number): number {
    const at = this.length++;
    if (at === this.values.length) {
      const larger = new this.#type(at * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[at] = value;
    return at;
  }

  /** The element at a position that exists. */
  at(position: number): number {
    return this.values[position] as number;
  }
}
