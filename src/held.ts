/** Things that are disposed together, the last one first. */
export class Held implements AsyncDisposable {
  readonly #resources: AsyncDisposable[] = [];
  #isDisposed = false;

  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  /** Takes a resource over, and gives it back for use. */
  add<Resource extends AsyncDisposable>(resource: Resource): Resource {
    this.#resources.push(resource);
    return resource;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    for (let last = this.#resources.pop(); last !== undefined; last = this.#resources.pop()) {
      await last[Symbol.asyncDispose]();
    }
  }
}
