import { expect, it } from "vitest";
import { fromText } from "../../../base/index.ts";
import { overlayParts } from "../../mount-all.ts";
import { overlayMounts } from "./overlay-mounts.ts";

const place = { upper: "/u", work: "/w", isReadOnly: false, usesUserXattrs: false };

it("a snapshot of one directory is bound, a view of it only for reading", () => {
  expect(overlayMounts({ ...place, lowers: [] })).toEqual([{ type: "bind", source: "/u", options: ["rw", "rbind"] }]);
  expect(overlayMounts({ ...place, upper: undefined, work: undefined, lowers: ["/l"], isReadOnly: true })).toEqual([
    { type: "bind", source: "/l", options: ["ro", "rbind"] },
  ]);
});

it("an active snapshot lies on its parents, nearest first, and leans on nothing in them", () => {
  expect(overlayMounts({ ...place, lowers: ["/top", "/base"] })).toEqual([
    {
      type: "overlay",
      source: "overlay",
      options: [
        "index=off",
        "metacopy=off",
        "redirect_dir=nofollow",
        "workdir=/w",
        "upperdir=/u",
        "lowerdir=/top:/base",
      ],
    },
  ]);
});

it("a view of several has no upper directory", () => {
  const [mount] = overlayMounts({
    ...place,
    upper: undefined,
    work: undefined,
    lowers: ["/b", "/a"],
    isReadOnly: true,
  });
  expect(mount?.options.filter((option) => /^(ro$|upper|work|lower)/.test(option))).toEqual(["ro", "lowerdir=/b:/a"]);
});

it("in a user namespace the marks are the user's, and what older kernels refuse there is not said", () => {
  const [mount] = overlayMounts({ ...place, lowers: ["/l"], usesUserXattrs: true });
  expect(mount?.options).toEqual(["index=off", "userxattr", "workdir=/w", "upperdir=/u", "lowerdir=/l"]);
});

it("names of directories survive, whatever separates them in the options", () => {
  const lowers = ["/a:b", "/c,d", "/e\\f", "/g h"];
  const [mount] = overlayMounts({ ...place, upper: "/u:,\\", lowers });
  expect(overlayParts(mount?.options.map(fromText) ?? [])).toMatchObject({ lowers, upper: "/u:,\\", work: "/w" });
});
