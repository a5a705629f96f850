import { describe, expect, test } from "vitest";
import { assertConsistent, editContext, imageOfSteps, placedImage } from "../../test/support/placed-image.ts";
import { file } from "../testing/index.ts";
import type { ConfigChange } from "./config-change.ts";
import { editConfig } from "./edit-config.ts";

const step = { createdBy: "strata config", comment: "by hand" };

/** The `config` of an image after a change. */
function changed(before: object, change: ConfigChange): object | undefined {
  return editConfig(placedImage([], { config: before }), change, editContext({ step })).config.value.config;
}

describe("changing the configuration of an image", () => {
  test("leaves the image that it came from as it was, and tells of itself in the history", async () => {
    const image = imageOfSteps([[file("a", "1")]]);
    const frozen = Buffer.from(image.config.bytes).toString();
    const edited = editConfig(image, { user: "app" }, editContext({ step }));
    expect(Buffer.from(image.config.bytes).toString()).toBe(frozen);
    expect(edited.layers).toEqual(image.layers);
    expect(edited.manifest).toBeUndefined();
    expect(edited.config.value.created).toBe("2024-05-06T07:08:09Z");
    expect(edited.config.value.history?.at(-1)).toEqual({
      created: "2024-05-06T07:08:09Z",
      created_by: "strata config",
      comment: "by hand",
      empty_layer: true,
    });
    await assertConsistent(edited);
  });

  test("keeps all fields that it does not know, and their order", () => {
    const image = placedImage([], {
      docker_version: "20.10",
      container_config: { Cmd: ["x"], Odd: null },
      config: { Hostname: "h", Tty: true, OnBuild: ["RUN x"], User: "a", "x-future": { deep: [1] } },
    });
    const { bytes } = editConfig(image, { user: "b" }, editContext()).config;
    const document = JSON.parse(Buffer.from(bytes).toString());
    expect(document).toMatchObject({ docker_version: "20.10", container_config: { Cmd: ["x"], Odd: null } });
    expect(JSON.stringify(document.config)).toBe(
      '{"Hostname":"h","Tty":true,"OnBuild":["RUN x"],"User":"b","x-future":{"deep":[1]}}',
    );
  });

  test("sets, replaces and takes out variables, in their places", () => {
    const before = { Env: ["PATH=/bin", "A=1", "B=2", "A=3"] };
    expect(changed(before, { env: { A: "x=y", B: null, NEW: "", GONE: null } })).toEqual({
      Env: ["PATH=/bin", "A=x=y", "NEW="],
    });
    expect(changed({ Env: ["A=1"] }, { env: { A: null } })).toEqual({});
  });

  test("takes the command out with another entrypoint, unless there is a command too", () => {
    const before = { Entrypoint: ["/old"], Cmd: ["-v"] };
    expect(changed(before, { entrypoint: ["/new"] })).toEqual({ Entrypoint: ["/new"] });
    expect(changed(before, { entrypoint: ["/new"], cmd: ["-q"] })).toEqual({ Entrypoint: ["/new"], Cmd: ["-q"] });
    expect(changed(before, { entrypoint: null })).toEqual({ Cmd: ["-v"] });
    expect(changed(before, { cmd: null })).toEqual({ Entrypoint: ["/old"] });
  });

  test("spells ports as docker does", () => {
    const before = { ExposedPorts: { "80/tcp": {}, "443": {}, "53/udp": {} } };
    expect(changed(before, { exposedPorts: { add: ["443", "8000-8001"], remove: ["80", "53/udp"] } })).toEqual({
      ExposedPorts: { "443/tcp": {}, "8000/tcp": {}, "8001/tcp": {} },
    });
  });

  test("changes labels, volumes, directory, user, signal, shell, author and platform", () => {
    const image = placedImage([], { config: { Labels: { a: "1", b: "2" }, Volumes: null, StopSignal: "SIGINT" } });
    const change: ConfigChange = {
      labels: { a: null, c: "ü" },
      volumes: { add: ["/data"] },
      workingDir: "/srv",
      user: "1000:1000",
      stopSignal: "SIGRTMIN+3",
      shell: ["/bin/bash", "-c"],
      author: "me",
      platform: { os: "linux", architecture: "arm64", variant: "v8" },
    };
    const { value } = editConfig(image, change, editContext()).config;
    expect(value.config).toEqual({
      Labels: { b: "2", c: "ü" },
      Volumes: { "/data": {} },
      StopSignal: "SIGRTMIN+3",
      User: "1000:1000",
      WorkingDir: "/srv",
      Shell: ["/bin/bash", "-c"],
    });
    expect(value).toMatchObject({ author: "me", os: "linux", architecture: "arm64", variant: "v8" });
  });

  test("writes health checks as docker does", () => {
    expect(changed({}, { healthcheck: { test: "curl -f http://localhost/", intervalMs: 30_000, retries: 3 } })).toEqual(
      {
        Healthcheck: { Test: ["CMD-SHELL", "curl -f http://localhost/"], Interval: 30_000_000_000, Retries: 3 },
      },
    );
    expect(changed({}, { healthcheck: { test: ["/check", "-q"], startPeriodMs: 1.5 } })).toEqual({
      Healthcheck: { Test: ["CMD", "/check", "-q"], StartPeriod: 1_500_000 },
    });
    const before = { Healthcheck: { Test: ["CMD", "/check"], Interval: 5_000_000_000, Retries: 3 } };
    expect(changed(before, { healthcheck: { intervalMs: 9000, timeoutMs: 1000 } })).toEqual({
      Healthcheck: { Test: ["CMD", "/check"], Interval: 9_000_000_000, Retries: 3, Timeout: 1_000_000_000 },
    });
    expect(changed({}, { healthcheck: "none" })).toEqual({ Healthcheck: { Test: ["NONE"] } });
    expect(changed({ Healthcheck: { Test: ["NONE"] } }, { healthcheck: null })).toEqual({});
  });

  test("of annotations alone leaves the configuration as it is", () => {
    const image = { ...placedImage([]), annotations: { a: "1", b: "2" } };
    const edited = editConfig(image, { annotations: { a: null, c: "3" } }, editContext());
    expect(edited.annotations).toEqual({ b: "2", c: "3" });
    expect(edited.config).toBe(image.config);
  });

  test("that says nothing gives the same image", () => {
    const image = placedImage([]);
    expect(editConfig(image, {}, editContext())).toBe(image);
    expect(editConfig(image, { env: undefined }, editContext())).toBe(image);
  });

  test.each<[string, ConfigChange]>([
    ["env", { env: { "A=B": "1" } }],
    ["env", { env: { "": "1" } }],
    ["env", { env: { A: "nul\0" } }],
    ["labels", { labels: { "": "x" } }],
    ["annotations", { annotations: { x: "\ud800" } }],
    ["entrypoint", { entrypoint: [""] }],
    ["cmd", { cmd: ["a", "\0"] }],
    ["workingDir", { workingDir: "relative" }],
    ["volumes", { volumes: { add: ["data"] } }],
    ["exposedPorts", { exposedPorts: { add: ["http"] } }],
    ["exposedPorts", { exposedPorts: { add: ["0"] } }],
    ["exposedPorts", { exposedPorts: { add: ["70000"] } }],
    ["exposedPorts", { exposedPorts: { add: ["90-80"] } }],
    ["exposedPorts", { exposedPorts: { add: ["80/icmp"] } }],
    ["stopSignal", { stopSignal: "TERM" }],
    ["stopSignal", { stopSignal: "65" }],
    ["healthcheck", { healthcheck: { test: [] } }],
    ["healthcheck", { healthcheck: { intervalMs: 9000 } }],
    ["healthcheck", { healthcheck: { test: "x", intervalMs: 0.1 } }],
    ["healthcheck", { healthcheck: { test: "x", retries: -1 } }],
    ["platform", { platform: { os: "linux", architecture: "" } }],
  ])("of %s is refused where no container engine could read it: %j", (field, change) => {
    const edit = (): unknown => editConfig(placedImage([]), change, editContext());
    expect(edit).toThrow(expect.objectContaining({ code: "invalid-config-change", kind: "invalid-argument" }));
    expect(edit).toThrow(expect.objectContaining({ details: expect.objectContaining({ field }) }));
  });

  test("takes the paths of Windows for images of Windows", () => {
    const image = placedImage([], { os: "windows" });
    const { config } = editConfig(image, { workingDir: "C:\\app" }, editContext()).config.value;
    expect(config?.WorkingDir).toBe("C:\\app");
  });
});
