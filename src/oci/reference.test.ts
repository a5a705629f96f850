import { describe, expect, test } from "vitest";
import { formatFamiliar, formatReference, isSameReference, parseReference } from "./reference.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

test.each([
  ["nginx", "docker.io/library/nginx", "nginx"],
  ["nginx:1.21", "docker.io/library/nginx:1.21", "nginx:1.21"],
  ["docker.io/nginx", "docker.io/library/nginx", "nginx"],
  ["index.docker.io/library/nginx:x", "docker.io/library/nginx:x", "nginx:x"],
  ["gt/base:v1", "docker.io/gt/base:v1", "gt/base:v1"],
  ["localhost/x:v1", "localhost/x:v1", "localhost/x:v1"],
  ["localhost:5000/x", "localhost:5000/x", "localhost:5000/x"],
  ["quay.io/a/b/c:T_1.x", "quay.io/a/b/c:T_1.x", "quay.io/a/b/c:T_1.x"],
  ["[::1]:5000/x", "[::1]:5000/x", "[::1]:5000/x"],
  [`nginx:1@${DIGEST}`, `docker.io/library/nginx:1@${DIGEST}`, `nginx:1@${DIGEST}`],
  ["a__b/c--d", "docker.io/a__b/c--d", "a__b/c--d"],
])("%s is %s", (text, full, familiar) => {
  expect(formatReference(parseReference(text))).toBe(full);
  expect(formatFamiliar(parseReference(text))).toBe(familiar);
  expect(parseReference(full)).toEqual(parseReference(text));
});

describe("what docker's grammar refuses is refused", () => {
  test.each([
    "",
    ":v1",
    "Nginx",
    "a//b",
    "a/",
    "-a",
    "a:-v",
    "a:",
    "a@sha256:1",
    "a_-b",
    `a:${"t".repeat(129)}`,
    "x".repeat(256),
    "a b",
  ])("%j", (text) =>
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: "invalid-reference" })),
  );
});

test("names are the same when docker would see the same image", () => {
  expect(isSameReference("nginx", "docker.io/library/nginx:latest")).toBe(true);
  expect(isSameReference("gt/base:v1", "docker.io/gt/base:v1")).toBe(true);
  expect(isSameReference("nginx:1", "nginx")).toBe(false);
  expect(isSameReference("Not A Name", "Not A Name")).toBe(true);
});
