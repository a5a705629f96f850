import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseJson } from "./json.ts";

const parse = (text: string | Uint8Array, options: { maxBytes?: number; maxDepth?: number } = {}): unknown =>
  parseJson(typeof text === "string" ? Buffer.from(text) : text, { what: "document", ...options });
const codeOf = (text: string | Uint8Array, options = {}): unknown => {
  try {
    return { value: parse(text, options) };
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test("whatever JSON.stringify writes is read as JSON.parse reads it", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(undefined, 1, "\t"), (value, space) => {
      const text = JSON.stringify(value, undefined, space);
      expect(parse(text)).toEqual(JSON.parse(text));
    }),
  );
});

describe("a key that occurs twice in one object is refused", () => {
  test.each([
    ["at the top", '{"a":1,"a":2}', "a"],
    ["at depth", '[{"x":{"b":[],"b":[]}}]', "b"],
    ["spelled with an escape", '{"layers":[],"l\\u0061yers":[]}', "layers"],
    ["with spaces before the colon", '{"a" \n\t: 1, "a"  :2}', "a"],
    ["empty", '{"":1,"":1}', ""],
    ["__proto__", '{"__proto__":{},"__proto__":{}}', "__proto__"],
    ["after a nested object that has it too", '{"a":{"a":1},"a":2}', "a"],
    ["with a quote in it", '{"\\"":1,"\\"":2}', '"'],
  ])("%s", (_, text, key) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({
        code: "duplicate-json-key",
        kind: "malformed",
        details: expect.objectContaining({ key }),
      }),
    );
  });

  test("and the error tells the offset in bytes, not in characters", () => {
    expect(() => parse('{"é€":1,"k":1,"k":2}')).toThrow(
      expect.objectContaining({ details: { key: "k", offset: Buffer.byteLength('{"é€":1,"k":1,') } }),
    );
  });
});

describe("what only looks like a duplicate is accepted", () => {
  test.each([
    ["one key in sibling objects", '[{"a":1},{"a":2}]'],
    ["one key in parent and child", '{"a":{"a":{"a":1}}}'],
    ["a value equal to a key", '{"a":"a","b":"a"}'],
    ["text in a string", '{"a":"{\\"b\\":1,\\"b\\":2}"}'],
    ["strings in an array", '["a","a"]'],
  ])("%s", (_, text) => expect(parse(text)).toEqual(JSON.parse(text)));
});

test("a document over the limit is refused by its size alone", () => {
  expect(codeOf(`${" ".repeat(4 * 1024 * 1024 - 1)}1`)).toEqual({ value: 1 });
  expect(codeOf(`${" ".repeat(4 * 1024 * 1024)}1`)).toBe("json-too-large");
  expect(codeOf("123", { maxBytes: 2 })).toBe("json-too-large");
});

test("bytes that are not UTF-8 are refused, not replaced", () => {
  expect(codeOf(Buffer.from([0x22, 0xff, 0x22]))).toBe("json-not-utf8");
  expect(codeOf(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toBe("json-not-utf8");
});

test("a byte order mark is refused, as Go does", () => {
  expect(codeOf(Buffer.from([0xef, 0xbb, 0xbf, 0x31]))).toBe("invalid-json");
});

test("nesting is bounded however large the document", () => {
  expect(codeOf("[".repeat(3) + "]".repeat(3), { maxDepth: 3 })).toEqual({ value: [[[]]] });
  expect(codeOf("[".repeat(4) + "]".repeat(4), { maxDepth: 3 })).toBe("json-too-deep");
  expect(codeOf("[".repeat(4_000_000))).toBe("json-too-deep");
});

test.each(["", "{", '{"a":1,}', "nul", '{"a":1} x', "'a'", '{"a":1,"a":2', '"\\'])("%j is not JSON", (text) => {
  expect(codeOf(text)).toBe("invalid-json");
});
