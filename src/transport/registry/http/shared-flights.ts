import { assertNotAborted } from "../../../base/index.ts";
import { unlessAborted } from "./unless-aborted.ts";

/** Work that several callers wait for together. */
export interface SharedFlights<T> {
  /**
   * Joins the work under way for `key`, or starts it. A caller whose signal fires leaves at once with `aborted`; the
   * work is aborted when the last one has left, and forgotten when it has ended.
   */
  join(key: string, start: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T>;
}

interface Flight<T> {
  readonly result: Promise<T>;
  readonly stop: AbortController;
  waiting: number;
}

/** Shared work of one kind. */
export function createSharedFlights<T>(): SharedFlights<T> {
  const flights = new Map<string, Flight<T>>();
  const begin = (key: string, start: (signal: AbortSignal) => Promise<T>): Flight<T> => {
    const stop = new AbortController();
    const flight: Flight<T> = { result: start(stop.signal), stop, waiting: 0 };
    const forget = (): void => {
      if (flights.get(key) === flight) flights.delete(key);
    };
    flight.result.then(forget, forget);
    flights.set(key, flight);
    return flight;
  };
  return {
    join: async (key, start, signal) => {
      assertNotAborted(signal);
      const flight = flights.get(key) ?? begin(key, start);
      flight.waiting++;
      try {
        return await unlessAborted(flight.result, signal);
      } finally {
        flight.waiting--;
        if (flight.waiting === 0) {
          if (flights.get(key) === flight) flights.delete(key);
          flight.stop.abort();
        }
      }
    },
  };
}
