import { expect, it } from "vitest";
import { DRIVER_NAMES } from "../snapshot/index.ts";
import { SNAPSHOTTERS } from "./unpack-options.ts";

it("users may choose every snapshot driver", () => {
  expect(SNAPSHOTTERS).toEqual(DRIVER_NAMES);
});
