import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteText } from "./byte-text.ts";

describe("ByteText", () => {
  it("writes whole numbers as JavaScript does", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.maxSafeNat(),
          fc.nat(200),
          fc.nat(15).map((power) => 10 ** power),
        ),
        (value) => {
          const text = new ByteText(0);
          text.decimal(value);
          expect(text.toString()).toBe(String(value));
        },
      ),
    );
  });

  it("keeps all that was written in order, however little room there was", () => {
    const piece = fc.string({ unit: "binary-ascii", maxLength: 40 });
    fc.assert(
      fc.property(fc.array(piece), fc.nat(20), (pieces, capacity) => {
        const [text, all] = [new ByteText(capacity), new ByteText(0)];
        for (const [i, one] of pieces.entries()) {
          if (i % 2 === 0) text.write(one);
          else text.copyPart(Buffer.from(`<${one}>`), 1, 1 + one.length);
        }
        all.append(text);
        expect(all.toString()).toBe(pieces.join(""));
        expect(all.view().toString("latin1")).toBe(pieces.join(""));
      }),
    );
  });

  it("is plain when JSON would not escape it", () => {
    for (let byte = 0; byte < 256; byte++) {
      const text = new ByteText(1);
      text.copy(Uint8Array.of(byte));
      const isSaidAsIs = JSON.stringify(text.toString()) === `"${text.toString()}"`;
      expect(text.isPlain).toBe(isSaidAsIs && byte < 0x7f);
    }
  });

  it("knows what is plain also after bytes were taken back and others added", () => {
    const text = new ByteText(8);
    text.write("plain");
    expect(text.isPlain).toBe(true);
    text.truncate(2);
    text.write('"');
    expect([text.isPlain, text.toString()]).toEqual([false, 'pl"']);
    text.truncate(2);
    expect([text.isPlain, text.length]).toEqual([true, 2]);
  });
});
