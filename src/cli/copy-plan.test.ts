import { describe, expect, it } from "vitest";
import { parseCopyRequest, planCopy } from "./copy-plan.ts";

describe("the words of cp", () => {
  it("are IMAGE:/PATH… DEST or IMAGE PATH… DEST", () => {
    const requests: readonly [words: string, image: string, paths: readonly string[]][] = [
      ["a.tar:/etc out", "a.tar", ["/etc"]],
      ["a.tar etc /usr out", "a.tar", ["etc", "/usr"]],
      ["docker-archive:/x/a.tar /etc out", "docker-archive:/x/a.tar", ["/etc"]],
      ["docker-archive:/x/a.tar:/etc out", "docker-archive:/x/a.tar", ["/etc"]],
      ["oci:/x/layout:v1:/ out", "oci:/x/layout:v1", ["/"]],
      ["a:/b a:/c out", "a", ["/b", "/c"]],
      ["-:/etc out", "-", ["/etc"]],
    ];
    for (const [words, image, paths] of requests) {
      expect(parseCopyRequest(words.split(" "))).toEqual({ image, paths, destination: "out" });
    }
  });

  it("that make no sense are refused", () => {
    for (const words of ["out", "a.tar out", "a:/x b:/y out", "a:/x y out", "docker-archive:/x/a.tar out"]) {
      expect(() => parseCopyRequest(words.split(" "))).toThrow(expect.objectContaining({ code: "invalid-usage" }));
    }
  });
});

describe("the destination of cp", () => {
  it("depends on what is there", () => {
    const tree = { path: "/usr/share", isDirectory: true };
    const file = { path: "/etc/motd", isDirectory: false };
    const make = false;
    expect(planCopy(tree, "d", "directory")).toEqual({ directory: "d", name: "share", makesDirectory: make });
    expect(planCopy(tree, "d/n", "absent")).toEqual({ directory: "d", name: "n", makesDirectory: make });
    expect(planCopy({ ...tree, path: "/usr/." }, "d", "directory")).toMatchObject({ directory: "d", name: undefined });
    expect(planCopy({ ...tree, path: "/" }, "n", "absent")).toEqual({
      directory: "n",
      name: undefined,
      makesDirectory: true,
    });
    expect(planCopy(file, "f", "other")).toEqual({ directory: ".", name: "f", makesDirectory: make });
    expect(() => planCopy(tree, "f", "other")).toThrow("not a directory");
    expect(() => planCopy(file, "n/", "absent")).toThrow("no such directory");
  });
});
