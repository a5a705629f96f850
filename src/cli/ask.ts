import process from "node:process";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

/** Asks on the process's terminal; a secret is not shown while it is typed. */
export async function ask(
  question: string,
  { isSecret, signal }: { readonly isSecret: boolean; readonly signal: AbortSignal },
): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const output = isSecret ? silent : process.stderr;
  if (isSecret) process.stderr.write(question);
  const terminal = createInterface({ input: process.stdin, output, terminal: true });
  try {
    return await terminal.question(isSecret ? "" : question, { signal });
  } finally {
    terminal.close();
    if (isSecret) process.stderr.write("\n");
  }
}
