import { expect, it } from "vitest";
import { writeError } from "./write-error.ts";

const failed = (syscall: string) => Object.assign(new Error(`EINVAL: ${syscall}`), { code: "EINVAL", syscall });

it("an owner that a user namespace does not have is told as such", () => {
  for (const syscall of ["fchown", "fchownat"]) {
    expect(writeError(failed(syscall), "etc/x")).toMatchObject({
      code: "owner-not-mapped",
      kind: "failed-precondition",
      details: { path: "etc/x" },
    });
  }
  expect(writeError(failed("write"), "etc/x")).not.toMatchObject({ code: "owner-not-mapped" });
});
