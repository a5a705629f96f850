import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseExpression } from "./expression.ts";
import { compileFnmatch } from "./fnmatch.ts";
import { parseDate, parsePermissionTest, parseSizeTest } from "./parse-values.ts";
import { splitArguments } from "./split-arguments.ts";

describe("fnmatch", () => {
  const matches = (pattern: string, text: string): boolean => compileFnmatch(pattern)(text);

  it("knows stars, question marks, brackets, classes and backslashes", () => {
    expect(matches("*.js", "a/b/.c.js")).toBe(true);
    expect(matches("a?c", "aéc")).toBe(true);
    expect(matches("[a-c]x", "bx")).toBe(true);
    expect(matches("[!a-c]x", "bx")).toBe(false);
    expect(matches("[]x]", "]")).toBe(true);
    expect(matches("[[:upper:][:digit:]]", "7")).toBe(true);
    expect(matches("[a", "[a")).toBe(true);
    expect(matches("\\*", "*")).toBe(true);
    expect(matches("\\*", "x")).toBe(false);
    expect(compileFnmatch("ÄB*", { ignoreCase: true })("äbc")).toBe(true);
  });

  it("matches every text with itself, escaped", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => matches(text.replace(/[\\*?[]/g, "\\$&"), text)));
  });

  it("does not need exponential time", () => {
    expect(matches(`${"*a".repeat(50)}b`, "a".repeat(5000))).toBe(false);
  });
});

describe("an expression", () => {
  const shape = (words: string): string => show(parseExpression(words.split(" ")));
  const show = (e: ReturnType<typeof parseExpression>): string => {
    if (e.kind === "primary") return `${e.name}${e.argument === "" ? "" : ` ${e.argument}`}`;
    return e.kind === "not" ? `not(${show(e.operand)})` : `${e.kind}(${show(e.left)}, ${show(e.right)})`;
  };

  it("binds ! before -a before -o before the comma", () => {
    expect(shape("-true -o ! -false -empty -print , -ls")).toBe(
      "list(or(-true, and(and(not(-false), -empty), -print)), -ls)",
    );
    expect(shape("( -true -o -false ) -a -empty")).toBe("and(and(or(-true, -false), -empty), -print)");
  });

  it("that is wrong says what is wrong", () => {
    for (const words of ["-o", "-name", "( -true", "-true )", "-nosuch", "-true -a", "!", "-delete"]) {
      expect(() => parseExpression(words.split(" "))).toThrow(
        expect.objectContaining({ code: "invalid-expression", kind: "invalid-argument" }),
      );
    }
    expect(() => parseExpression(Array.from({ length: 5000 }, () => "("))).toThrow("too many parentheses");
  });

  it("is taken out of the command line, wherever strata's own options stand", () => {
    const words = [
      "--layer",
      "2",
      "img",
      "/etc",
      "-name",
      "--odd",
      "--json",
      "-o",
      "(",
      "-empty",
      ")",
      "--color=never",
    ];
    expect(splitArguments(words, new Set(["--layer"]))).toEqual({
      own: ["--layer", "2", "img", "/etc", "--json", "--color=never"],
      expression: ["-name", "--odd", "-o", "(", "-empty", ")"],
    });
    expect(splitArguments(["-", "/x"], new Set()).own).toEqual(["-", "/x"]);
  });
});

describe("values", () => {
  it("of -size are rounded up to the unit", () => {
    expect(parseSizeTest("-1M")(1)).toBe(false);
    expect(parseSizeTest("-1M")(0)).toBe(true);
    expect(parseSizeTest("1")(512)).toBe(true);
    expect(parseSizeTest("2k")(1025)).toBe(true);
  });

  it("of -perm are octal or symbolic", () => {
    expect(parsePermissionTest("-u+s,g+w")(0o4664)).toBe(true);
    expect(parsePermissionTest("/o+w")(0o775)).toBe(false);
    expect(parsePermissionTest("a=r")(0o444)).toBe(true);
    expect(() => parsePermissionTest("9")).toThrow("not a mode");
    expect(() => parsePermissionTest("u*r")).toThrow("not a mode");
  });

  it("of -newermt are dates of this place, or seconds", () => {
    expect(parseDate("@12.5")).toBe(12.5);
    expect(parseDate("2024-05-06")).toBe(new Date(2024, 4, 6).getTime() / 1000);
    expect(parseDate("2024-05-06 07:08")).toBe(new Date(2024, 4, 6, 7, 8).getTime() / 1000);
    expect(parseDate("2024-05-06T07:08:09Z")).toBe(Date.UTC(2024, 4, 6, 7, 8, 9) / 1000);
    expect(() => parseDate("yesterday")).toThrow("not a date");
  });
});
