import { expect, it } from "vitest";
import { addDetails, firstError, StrataError } from "./strata-error.ts";

const full = new StrataError({ code: "no-space", kind: "unavailable", message: "The disk is full" });

/** As compiled code throws it when something under `using` fails, and disposing it fails, too. */
function failTwice(): void {
  using _ = {
    [Symbol.dispose]() {
      throw new Error("cannot be removed");
    },
  };
  throw full;
}

it("what went wrong first is told, not that disposing failed too", () => {
  try {
    failTwice();
    expect.unreachable();
  } catch (error) {
    expect(error).not.toBe(full);
    expect(firstError(error)).toBe(full);
    expect(addDetails(error, { image: "app" })).toMatchObject({ code: "no-space", details: { image: "app" } });
  }
});

it("other errors are left as they are", () => {
  const error = new Error("x");
  expect(firstError(error)).toBe(error);
  expect(firstError("text")).toBe("text");
  expect(addDetails(error, { image: "app" })).toBe(error);
});
