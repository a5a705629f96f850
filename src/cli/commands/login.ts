import { type Command, Option } from "commander";
import { StrataError } from "../../base/index.ts";
import { type Credential, createDockerConfigCredentials, login } from "../../transport/index.ts";
import { ask } from "../ask.ts";
import { examples } from "../examples.ts";
import { addRegistryOptions, loginFiles, type RegistryVerbOptions, registryOptions } from "../registry-options.ts";
import { addOutputOptions, type OutputOptions } from "../store-options.ts";
import type { Terminal } from "../terminal.ts";

export type LoginVerbOptions = RegistryVerbOptions &
  OutputOptions & { readonly username?: string; readonly password?: string; readonly passwordStdin?: boolean };

/** Where docker logs in when no host is given. */
export const DEFAULT_HOST = "docker.io";

/** `strata login`: tries a login and keeps it where docker and podman keep theirs. */
export function configureLogin(command: Command, terminal: Terminal): void {
  command
    .description(
      "Log in to a registry: the login is tried, then kept where docker and podman keep theirs, in a credential helper if one is configured.",
    )
    .argument("[host]", "HOST[:PORT]", DEFAULT_HOST)
    .option("-u, --username <name>", "user (asked for when left out)")
    .option("-p, --password <secret>", "password or token; others can see it in the list of processes")
    .addOption(new Option("--password-stdin", "read it from stdin").conflicts("password"));
  addRegistryOptions(command);
  addOutputOptions(command)
    .addHelpText(
      "after",
      examples(
        ["strata login ghcr.io", "asks for user and password"],
        ["echo $TOKEN | strata login -u ci --password-stdin localhost:5000", "in a script"],
      ),
    )
    .action(async (host: string, options: LoginVerbOptions) => {
      const {
        credentials: _,
        mirrors: __,
        insecureHosts,
        transfer: ___,
        ...http
      } = registryOptions(options, terminal.env);
      const kept = await login(host, await credentialOf(host, options, terminal), {
        ...http,
        insecure: insecureHosts === true,
        store: createDockerConfigCredentials(loginFiles(options, terminal.env)),
        signal: terminal.signal,
      });
      if (kept.isPlain)
        await terminal.note(`the secret lies unencrypted in ${kept.place}; a credential helper is safer`);
      await terminal.note(`logged in to ${host}`);
    });
}

async function credentialOf(host: string, options: LoginVerbOptions, terminal: Terminal): Promise<Credential> {
  const { signal, stdin } = terminal;
  const canAsk = stdin.isTTY === true && options.passwordStdin !== true;
  const username =
    options.username ?? (canAsk ? await ask(`User for ${host}: `, { isSecret: false, signal }) : undefined);
  if (username === undefined || username === "") throw incomplete("The user is missing", "Add --username NAME");
  const password = options.password ?? (await passwordFrom(options, terminal));
  if (password === "") throw incomplete("The password is empty", "Pipe it in with --password-stdin");
  // Docker's own way of saying that the password is an identity token.
  return username === "<token>"
    ? { kind: "identity-token", token: password }
    : { kind: "password", username, password };
}

async function passwordFrom({ passwordStdin }: LoginVerbOptions, { stdin, signal }: Terminal): Promise<string> {
  if (passwordStdin !== true && stdin.isTTY === true) return await ask("Password: ", { isSecret: true, signal });
  if (passwordStdin !== true) throw incomplete("The password is missing", "Pipe it in with --password-stdin");
  const chunks: Uint8Array[] = [];
  for await (const chunk of stdin) chunks.push(chunk);
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}

function incomplete(message: string, hint: string): StrataError {
  return new StrataError({ code: "invalid-usage", kind: "invalid-argument", message, hint });
}
