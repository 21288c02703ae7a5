import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";

/** The program under test; the tests are skipped without it. */
export const BIN = process.env.VIBETEA_BIN ?? "";

const MOST_SHOWN = 10_000;

/** A program that runs in the background and writes what it says to the end of a file. */
export class Program {
  readonly #child: ChildProcess;

  constructor(words: string[], env: NodeJS.ProcessEnv, log: string) {
    const out = openSync(log, "a");
    this.#child = spawn(BIN, words, { stdio: ["ignore", out, out], env });
    closeSync(out);
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.ended) return;
    const gone = new Promise((exited) => this.#child.once("exit", exited));
    this.#child.kill(signal);
    await gone;
  }
}

/** What a program answers that runs to its end. */
export const answerOf = (words: string[], env: NodeJS.ProcessEnv): string =>
  execFileSync(BIN, words, { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

/** The end of what a program wrote to its file. */
export function saidIn(log: string): string {
  const text = readFileSync(log, "utf8").trim();
  return text.length > MOST_SHOWN ? `…${text.slice(-MOST_SHOWN)}` : text;
}

const listens = (port: number) =>
  new Promise<boolean>((known) => {
    const server = createServer();
    server.once("error", () => known(false));
    server.listen(port, "127.0.0.1", () => server.close(() => known(true)));
  });

/**
 * A port that stays free while its server is away: below those that systems give to connections that go out, one of
 * which could otherwise take it, or even reach itself.
 */
export async function freePort(): Promise<number> {
  const [first, many] = [12_000, 20_000];
  for (;;) {
    const port = first + Math.floor(Math.random() * many);
    if (await listens(port)) return port;
  }
}
