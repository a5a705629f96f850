import { describe, expect, test } from "vitest";
import { assertConsistent, editContext, filesOf, layerSourceOf, placedImage } from "../../test/support/placed-image.ts";
import type { PlacedImage } from "../image/index.ts";
import { digestOf } from "../oci/index.ts";
import { file, tarScript } from "../testing/index.ts";
import { baseOf } from "./base-of.ts";
import { rebaseImage } from "./rebase-image.ts";

const layerOf = (name: string) => layerSourceOf(tarScript(file(name, name)));
const [rootfs, libraries, app, fixed] = ["rootfs", "libraries", "app", "fixed"].map(layerOf) as [
  ReturnType<typeof layerOf>,
  ReturnType<typeof layerOf>,
  ReturnType<typeof layerOf>,
  ReturnType<typeof layerOf>,
];
const made = (by: string) => ({ created: "2020-01-01T00:00:00Z", created_by: by });
const said = (by: string) => ({ ...made(by), empty_layer: true });

const oldBase = placedImage([rootfs, libraries], {
  history: [made("ADD rootfs"), made("RUN apt-get"), said("CMD sh")],
  config: { Cmd: ["sh"] },
});
const image: PlacedImage = {
  ...placedImage([rootfs, libraries, app], {
    history: [
      made("ADD rootfs"),
      made("RUN apt-get"),
      said("CMD sh"),
      said("WORKDIR /app"),
      made("COPY app"),
      said("CMD app"),
    ],
    config: { Cmd: ["app"] },
  }),
  annotations: { "org.opencontainers.image.base.name": "docker.io/library/old:1", mine: "yes" },
};
const manifest = Buffer.from("{}");
const newBase: PlacedImage = {
  ...placedImage([fixed], { history: [made("ADD fixed"), said("CMD bash")] }),
  manifest: { mediaType: "", digest: digestOf(manifest), bytes: manifest },
};

describe("rebasing an image", () => {
  test("puts its own layers and steps on those of the new base", async () => {
    const rebased = rebaseImage(image, { oldBase, newBase, newBaseName: "docker.io/library/new:2" }, editContext());
    expect(rebased.layers).toEqual([fixed, app]);
    const { history, config } = rebased.config.value;
    expect(history?.map((step) => step.created_by)).toEqual([
      "ADD fixed",
      "CMD bash",
      "WORKDIR /app",
      "COPY app",
      "CMD app",
    ]);
    expect(config).toEqual({ Cmd: ["app"] });
    expect(rebased.annotations).toEqual({
      mine: "yes",
      "org.opencontainers.image.base.name": "docker.io/library/new:2",
      "org.opencontainers.image.base.digest": digestOf(manifest),
    });
    await assertConsistent(rebased);
    expect((await filesOf(rebased)).map(({ path }) => path)).toEqual(["", "app", "fixed"]);
  });

  test("there and back gives the image that it was", () => {
    const context = editContext({ created: "2020-01-01T00:00:00Z" });
    const there = rebaseImage(image, { oldBase, newBase }, context);
    const back = rebaseImage(there, { oldBase: newBase, newBase: oldBase }, context);
    expect(back.config.digest).toBe(image.config.digest);
    expect(back.layers).toEqual(image.layers);
  });

  test("onto a base without layers leaves its own", async () => {
    const rebased = rebaseImage(image, { oldBase, newBase: placedImage([]) }, editContext());
    expect(rebased.layers).toEqual([app]);
    await assertConsistent(rebased);
  });

  test("from what it was not made from is refused, with the first layer that differs", () => {
    const other = placedImage([rootfs, fixed, app]);
    expect(() => rebaseImage(image, { oldBase: other, newBase }, editContext())).toThrow(
      expect.objectContaining({ code: "not-the-base", details: { layer: 1, diffId: fixed.diffId } }),
    );
    const longer = placedImage([rootfs, libraries, app, fixed]);
    expect(() => rebaseImage(image, { oldBase: longer, newBase }, editContext())).toThrow(/has no such layer/);
  });

  test("onto a base for another platform is refused", () => {
    const arm: PlacedImage = { ...newBase, platform: { os: "linux", architecture: "arm64" } };
    expect(() => rebaseImage(image, { oldBase, newBase: arm }, editContext())).toThrow(
      expect.objectContaining({ code: "platform-mismatch" }),
    );
  });
});

describe("what an image was made from", () => {
  const digest = digestOf(manifest);
  const [name, digestName] = ["org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"];

  test("is told by its annotations, by digest where they have it", () => {
    expect(baseOf({ annotations: { [name]: "debian:12" } })).toBe("docker.io/library/debian:12");
    expect(baseOf({ annotations: { [name]: "debian:12", [digestName]: digest } })).toBe(
      `docker.io/library/debian:12@${digest}`,
    );
  });

  test.each([undefined, {}, { [digestName]: digest }, { [name]: "Not A Name" }])(
    "is unknown with %j",
    (annotations) => {
      expect(() => baseOf({ annotations })).toThrow(expect.objectContaining({ code: "base-unknown" }));
    },
  );
});
