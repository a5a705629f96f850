/** Many readers or one writer, in the order in which they came. Not re-entrant. */
export class ReadWriteLock {
  /** Settled when the last writer is done. */
  #written: Promise<unknown> = Promise.resolve();
  /** Settled when all readers since the last writer are done. */
  #read: Promise<unknown> = Promise.resolve();

  reading<T>(look: () => Promise<T>): Promise<T> {
    const turn = this.#written.then(look);
    this.#read = Promise.allSettled([this.#read, turn]);
    return turn;
  }

  writing<T>(change: () => Promise<T>): Promise<T> {
    const turn = Promise.all([this.#written, this.#read]).then(change);
    this.#written = turn.catch(() => {});
    this.#read = Promise.resolve();
    return turn;
  }
}
