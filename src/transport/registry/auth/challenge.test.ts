import fc from "fast-check";
import { expect, test } from "vitest";
import { parseChallenges } from "./challenge.ts";
import { joinScopes, repositoryOf } from "./scopes.ts";

const plain = (header: string) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test.each([
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull,push"',
    [
      [
        "bearer",
        {
          realm: "https://auth.docker.io/token",
          service: "registry.docker.io",
          scope: "repository:library/nginx:pull,push",
        },
      ],
    ],
  ],
  ['Basic realm="a, b"', [["basic", { realm: "a, b" }]]],
  ["bEARER   REALM = x ,  Service= y", [["bearer", { realm: "x", service: "y" }]]],
  [
    'Basic realm="one", Bearer realm="two",service=three',
    [
      ["basic", { realm: "one" }],
      ["bearer", { realm: "two", service: "three" }],
    ],
  ],
  [
    'Negotiate, Basic realm="x"',
    [
      ["negotiate", {}],
      ["basic", { realm: "x" }],
    ],
  ],
  ['Basic realm="a \\"quoted\\" word"', [["basic", { realm: 'a "quoted" word' }]]],
  ['Bearer realm="never closed', [["bearer", { realm: "never closed" }]]],
  ['Bearer ,,realm="x",,', [["bearer", { realm: "x" }]]],
  ['Bearer realm="first",realm="second"', [["bearer", { realm: "first" }]]],
  ["", []],
  ["()<>@", []],
])("%s is understood", (header, challenges) => {
  expect(plain(header)).toEqual(challenges);
});

test("no header makes the parser throw or hang", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("a", '"', "\\", "=", ",", " ", "é", "("), maxLength: 200 }),
      (header) => {
        expect(Array.isArray(parseChallenges(header))).toBe(true);
      },
    ),
  );
});

test("scopes of one resource become one, in any order the same", () => {
  expect(joinScopes(["repository:b:push,pull", "repository:a:pull", "repository:b:pull"])).toEqual([
    "repository:a:pull",
    "repository:b:pull,push",
  ]);
  expect(joinScopes(["registry:catalog:*", "nonsense"])).toEqual(["registry:catalog:*"]);
  expect(repositoryOf(["registry:catalog:*", "repository(plugin):host:5000/x/y:pull"])).toBe("host:5000/x/y");
});
