/** Speed over the last seconds, so that it says what is happening now. */
const WINDOW = 5_000;

interface Sample {
  readonly at: number;
  readonly bytes: number;
}

/** Measures how fast a count grows. Times are milliseconds of a clock that may jump: a jump backwards begins anew. */
export class Speed {
  #samples: Sample[] = [];

  /** Bytes so far, at that time. A count that falls, after a restart, begins anew. */
  add(at: number, bytes: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && (at < last.at || bytes < last.bytes)) this.#samples = [];
    this.#samples.push({ at, bytes });
    this.#samples = this.#samples.filter((sample) => at - sample.at <= WINDOW);
  }

  /** Bytes in a second; undefined until there is something to tell. */
  get perSecond(): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.at - first.at < 500) return undefined;
    return ((last.bytes - first.bytes) * 1000) / (last.at - first.at);
  }

  /** Seconds until so many more bytes are there; undefined when that cannot be told. */
  secondsFor(bytes: number): number | undefined {
    const speed = this.perSecond;
    return speed === undefined || speed <= 0 ? undefined : bytes / speed;
  }
}

/** `12 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}
