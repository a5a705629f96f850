import { inspect } from "node:util";

/** Node's `ERR_INVALID_ARG_TYPE`. `expected` completes "must be". */
export function wrongType(name: string, expected: string, received: unknown): TypeError {
  const what =
    received === undefined || received === null ? String(received) : `${typeof received} (${show(received)})`;
  return withCode(
    new TypeError(`The "${name}" argument must be ${expected}. Received ${what}`),
    "ERR_INVALID_ARG_TYPE",
  );
}

/** Node's `ERR_INVALID_ARG_VALUE`. `problem` completes "The argument …". */
export function wrongValue(name: string, received: unknown, problem = "is invalid"): TypeError {
  const message = `The argument '${name}' ${problem}. Received ${show(received)}`;
  return withCode(new TypeError(message), "ERR_INVALID_ARG_VALUE");
}

/** Node's `ERR_OUT_OF_RANGE`. `range` completes "It must be". */
export function outOfRange(name: string, range: string, received: unknown): RangeError {
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${show(received)}`;
  return withCode(new RangeError(message), "ERR_OUT_OF_RANGE");
}

/** Throws unless the value is an integer of the range. */
export function assertInteger(value: unknown, name: string, min = 0, max = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== "number") throw wrongType(name, "of type number", value);
  if (!Number.isInteger(value)) throw outOfRange(name, "an integer", value);
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
  return value;
}

/** Throws Node's `AbortError` when the signal has fired. */
export function assertNotCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  const error = new Error("The operation was aborted", { cause: signal.reason });
  error.name = "AbortError";
  throw withCode(error, "ABORT_ERR");
}

/** Gives an error the stable `code` that Node's own errors have. */
export function withCode<E extends Error>(error: E, code: string): E {
  return Object.assign(error, { code });
}

function show(value: unknown): string {
  const text = inspect(value);
  return text.length > 128 ? `${text.slice(0, 128)}...` : text;
}
