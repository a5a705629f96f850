import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { draftImage, openDocuments, openImage } from "./index.ts";

const SAMPLE = "examples/layers/image.tar";

describe("bytes that were made of an image's files", () => {
  let cache: string;
  beforeAll(() => {
    cache = mkdtempSync(join(tmpdir(), "strata-derived-"));
  });
  afterAll(() => rmSync(cache, { recursive: true }));

  async function recall(name: string, image = SAMPLE): Promise<string | undefined> {
    await using documents = await openDocuments(image, { cache });
    const bytes = await documents.recall(name);
    return bytes && Buffer.from(bytes).toString();
  }

  it("are found again under their name", async () => {
    await using image = await openImage(SAMPLE, { cache });
    expect(image.canRemember).toBe(true);
    await image.remember("report/1", Buffer.from("all is well"));
    expect(await recall("report/1")).toBe("all is well");
    expect(await recall("report/2")).toBeUndefined();
  });

  it("are those of the layers, wherever these lie", async () => {
    await using image = await openImage(SAMPLE, { cache });
    await image.remember("report/1", Buffer.from("all is well"));
    const copy = join(cache, "copy.tar");
    await using draft = await draftImage(SAMPLE, { cache });
    await draft.copyTo(`docker-archive:${copy}`);
    expect(await recall("report/1", copy), "nobody has verified these bytes").toBeUndefined();
    await (await openImage(copy, { cache }))[Symbol.asyncDispose]();
    expect(await recall("report/1", copy)).toBe("all is well");
  });

  it("of an edited image are not those of the image before", async () => {
    await using image = await openImage(SAMPLE, { cache });
    await image.remember("report/1", Buffer.from("all is well"));
    await using draft = await image.edit((fs) => fs.writeFile("/etc/motd", "patched\n"));
    await using patched = await draft.open();
    await patched.remember("report/1", Buffer.from("patched"));
    expect(await recall("report/1")).toBe("all is well");
    await draft.copyTo(`oci:${join(cache, "patched")}`);
    await (await openImage(`oci:${join(cache, "patched")}`, { cache }))[Symbol.asyncDispose]();
    expect(await recall("report/1", `oci:${join(cache, "patched")}`)).toBe("patched");
  });

  it("are not kept without a cache", async () => {
    await using image = await openImage(SAMPLE);
    expect(image.canRemember).toBe(false);
    await image.remember("report/3", Buffer.from("all is well"));
    await using documents = await openDocuments(SAMPLE);
    expect(await documents.recall("report/3")).toBeUndefined();
  });

  it("of a directory are not kept, because no digest tells what is in it", async () => {
    await using image = await openImage("dir:examples/layers", { cache });
    expect(image.canRemember).toBe(false);
    await image.remember("report/4", Buffer.from("all is well"));
    expect(await recall("report/4", "dir:examples/layers")).toBeUndefined();
  });
});
