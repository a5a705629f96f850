/** Things that are disposed together, the last one first. */
export class Held implements AsyncDisposable {
  readonly #resources: AsyncDisposable[] = [];

  /** Takes a resource over, and gives it back for use. */
  add<Resource extends AsyncDisposable>(resource: Resource): Resource {
    this.#resources.push(resource);
    return resource;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let last = this.#resources.pop(); last !== undefined; last = this.#resources.pop()) {
      await last[Symbol.asyncDispose]();
    }
  }
}
