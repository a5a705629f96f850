import { describe, expect, it } from "vitest";
import type { CopyEvent } from "../../image/index.ts";
import { parseDigest } from "../../oci/index.ts";
import { createStyle } from "../style.ts";
import { bar, transferLines } from "./bars.ts";
import { formatSeconds, Speed } from "./speed.ts";
import { TransferState } from "./transfer-state.ts";

const layer = parseDigest(`sha256:${"ab".repeat(32)}`);
const config = parseDigest(`sha256:${"cd".repeat(32)}`);
const options = { style: createStyle(false), columns: 80 };

function stateAfter(...events: readonly CopyEvent[]): TransferState {
  const state = new TransferState();
  for (const event of events) state.take(event);
  return state;
}

describe("a transfer on a terminal", () => {
  it("shows a bar for each blob under way and a total", () => {
    const state = stateAfter(
      { type: "resolved", digest: config, mediaType: "", blobs: 2, bytes: 3072 },
      { type: "blob", digest: config, what: "config", size: 1024, state: "transferring" },
      { type: "blob", digest: layer, what: "layer", size: 2048, state: "transferring" },
      { type: "blob-done", digest: config, size: 1024, result: "transferred" },
      { type: "progress", digest: layer, bytes: 1024, size: 2048 },
    );
    expect(transferLines(state, new Speed(), options)).toEqual([
      `abababababab layer   ${"█".repeat(20)}${"░".repeat(20)}   1.0K/2.0K`,
      "1 of 2 blobs, 2.0K of 3.0K",
    ]);
  });

  it("tells the speed of the last seconds and what it means for the rest", () => {
    const speed = new Speed();
    for (let second = 0; second <= 8; second++) speed.add(second * 1000, second * 1024);
    const state = stateAfter({ type: "resolved", digest: config, mediaType: "", blobs: 1, bytes: 61 * 1024 });
    expect(transferLines(state, speed, options)).toEqual(["0 of 0 blobs, 0 of 61K, 1.0K/s, 1 min 01 s left"]);
  });

  it("begins its measure anew when a transfer starts over or the clock jumps back", () => {
    const speed = new Speed();
    speed.add(1000, 5000);
    speed.add(2000, 9000);
    expect(speed.perSecond).toBe(4000);
    speed.add(3000, 0);
    expect(speed.perSecond).toBeUndefined();
    speed.add(0, 100);
    expect(speed.perSecond).toBeUndefined();
  });

  it("counts a blob that starts over from where it starts", () => {
    const progress = (bytes: number): CopyEvent => ({ type: "progress", digest: layer, bytes, size: 100 });
    expect(stateAfter(progress(70), progress(0), progress(20)).totals).toEqual({ bytes: 20, size: 100 });
  });

  it("never fills a bar beyond its width", () => {
    expect(bar(2, 4)).toBe("████");
    expect(bar(0, 4)).toBe("░░░░");
    expect(bar(0.5, 3)).toBe("█▌░");
  });

  it.each([
    [0.2, "1 s"],
    [59, "59 s"],
    [185, "3 min 05 s"],
    [7800, "2 h 10 min"],
  ])("writes %d seconds as %s", (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });
});
