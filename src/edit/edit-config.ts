import type { PlacedImage } from "../image/index.ts";
import { assertConfigChange } from "./check-config-change.ts";
import type { ConfigChange, NamedValues, SetChange } from "./config-change.ts";
import { portsOf } from "./config-ports.ts";
import { configDocument, objectOf, type RawObject, withConfig, withMembers } from "./document.ts";
import { createdOf, type EditContext } from "./edit-context.ts";
import { healthcheckDocument } from "./healthcheck-document.ts";
import { entryOf, stepsOf, withSteps } from "./image-steps.ts";

/**
 * Changes how containers of the image run, and what it says of itself. No layer is read. Fields that nobody here knows stay.
 * The history gets a step without a layer; annotations alone, which are the manifest's, leave the configuration as it is.
 * @throws StrataError `invalid-config-change` with `details` field and value
 */
export function editConfig(
  image: PlacedImage,
  change: ConfigChange,
  ctx: Pick<EditContext, "created" | "step" | "scratch">,
): PlacedImage {
  assertConfigChange(change, change.platform?.os ?? image.config.value.os);
  const { annotations, ...ofConfig } = change;
  const annotated = annotations === undefined ? image : withAnnotations(image, annotations);
  if (Object.values(ofConfig).every((value) => value === undefined)) return annotated;
  const changed = withConfig(annotated, changedDocument(configDocument(image), change));
  const steps = [...stepsOf(changed), { entry: entryOf(ctx), layer: undefined }];
  return withSteps(changed, steps, { created: createdOf(ctx) });
}

/** The image with other annotations of its manifest. */
export function withAnnotations(image: PlacedImage, change: NamedValues): PlacedImage {
  const annotations = objectOf(withNamed(image.annotations ?? {}, change)) as Readonly<Record<string, string>>;
  return { ...image, manifest: undefined, annotations };
}

function changedDocument(document: RawObject, change: ConfigChange): RawObject {
  const { platform, author } = change;
  const named = platform && {
    architecture: platform.architecture,
    os: platform.os,
    variant: platform.variant,
    ...("os.version" in platform ? { "os.version": platform["os.version"] } : {}),
  };
  const config = changedRunConfig(objectOf(document["config"]), change);
  return withMembers(document, { ...settled("author", author), ...named, config });
}

function changedRunConfig(config: RawObject, change: ConfigChange): RawObject {
  const { entrypoint, cmd, healthcheck, env, labels, exposedPorts, volumes } = change;
  // A command is written for its entrypoint: docker takes it out when it gets another.
  const orphaned = entrypoint !== undefined && entrypoint !== null && cmd === undefined ? null : cmd;
  return withMembers(config, {
    ...settled("User", change.user),
    ...(exposedPorts && { ExposedPorts: changedSet(config["ExposedPorts"], changedPorts(exposedPorts)) }),
    ...(env && { Env: changedEnv(config["Env"], env) }),
    ...settled("Entrypoint", entrypoint),
    ...settled("Cmd", orphaned),
    ...(volumes && { Volumes: changedSet(config["Volumes"], volumes) }),
    ...settled("WorkingDir", change.workingDir),
    ...(labels && { Labels: withNamed(objectOf(config["Labels"]), labels) }),
    ...settled("StopSignal", change.stopSignal),
    ...settled(
      "Healthcheck",
      healthcheck ? healthcheckDocument(healthcheck, objectOf(config["Healthcheck"])) : healthcheck,
    ),
    ...settled("Shell", change.shell),
  });
}

/** The member as it is to be: undefined in it takes it out, and without it nothing changes. */
function settled(name: string, value: unknown): Readonly<Record<string, unknown>> {
  return value === undefined ? {} : { [name]: value ?? undefined };
}

function withNamed(before: RawObject, change: NamedValues): RawObject | undefined {
  const taken = Object.fromEntries(Object.entries(change).map(([name, value]) => [name, value ?? undefined]));
  return unlessEmpty(withMembers(before, taken));
}

function changedSet(before: unknown, { add = [], remove = [] }: SetChange): RawObject | undefined {
  const members: Record<string, unknown> = {};
  for (const name of remove) members[name] = undefined;
  for (const name of add) members[name] = {};
  return unlessEmpty(withMembers(objectOf(before), members));
}

/** `80` is what others write for `80/tcp`: it goes with that, and makes way for it. */
function changedPorts({ add = [], remove = [] }: SetChange): SetChange {
  const spellings = [...remove, ...add].flatMap(portsOf).flatMap((port) => [port, port.replace(/\/tcp$/, "")]);
  return { add: add.flatMap(portsOf), remove: spellings };
}

function unlessEmpty(object: RawObject): RawObject | undefined {
  return Object.keys(object).length === 0 ? undefined : object;
}

/** Later values of one name win for most programs, so that all of them make way. */
function changedEnv(before: unknown, change: NamedValues): readonly string[] | undefined {
  const left = new Map(Object.entries(change));
  const env = (Array.isArray(before) ? (before as string[]) : []).flatMap((line) => {
    const [name = ""] = line.split("=", 1);
    if (!Object.hasOwn(change, name)) return [line];
    const value = left.get(name);
    left.delete(name);
    return typeof value === "string" ? [`${name}=${value}`] : [];
  });
  for (const [name, value] of left) if (value !== null) env.push(`${name}=${value}`);
  return env.length === 0 ? undefined : env;
}
