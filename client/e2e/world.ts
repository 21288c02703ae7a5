import { execFileSync } from "node:child_process";
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answerOf, freePort, Program, saidIn } from "./program.ts";
import { filesIn } from "./transcripts.ts";
import { Hopeless, until } from "./wait.ts";

export const TOKEN = "a-token-of-the-browser-tests-0123456789";

export interface WorldOptions {
  /** More variables of the server. */
  server?: Record<string, string>;
  /** Names of machines with a monitor. */
  machines?: string[];
  /** The name that the test itself sends under; `feeder` without it. */
  own?: string;
  /** Further names that the test itself may send under. */
  sources?: string[];
}

/** An event as a monitor sends it. */
export interface WireEvent {
  id: string;
  source: string;
  timestamp: string;
  type: string;
  payload: object;
}

/** What these tests read of the answer of `monitor status --json`. */
interface Status {
  files: number;
  bytesRead: number;
  live: { waiting: number };
  batch: { waiting: number };
}

/** A server with its own folder, monitors beside it, and a source that signs what a test wants to send. */
export class World {
  readonly folder = mkdtempSync(join(tmpdir(), "vibetea-e2e-"));
  #port = 0;
  #server: Program | null = null;
  readonly #monitors = new Map<string, Program>();
  readonly #options: WorldOptions;
  readonly #own: string;
  readonly #key: KeyObject;
  readonly #publicKeys: string[] = [];
  #sent = 0;

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    this.#own = options.own ?? "feeder";
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    this.#key = createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" }));
    const raw = publicKey.export({ type: "spki", format: "der" }).subarray(-32);
    for (const source of [this.#own, ...(options.sources ?? [])])
      this.#publicKeys.push(`${source}:${raw.toString("base64")}`);
  }

  /** Where the page is; every other address of the server is below it. */
  get url(): string {
    const path = this.#options.server?.VIBETEA_BASE_PATH ?? "";
    return `http://127.0.0.1:${this.#port}${path}/`;
  }

  /** Where the transcripts of a machine are. */
  claudeFolder(machine: string): string {
    return join(this.folder, machine, "claude");
  }

  async start(): Promise<void> {
    this.#port = await freePort();
    for (const machine of this.#options.machines ?? []) {
      mkdirSync(join(this.claudeFolder(machine), "projects"), { recursive: true });
      answerOf(["monitor", "init"], this.#monitorEnvironment(machine));
      const key = readFileSync(join(this.folder, machine, "keys", "key.pub"), "utf8").trim();
      this.#publicKeys.push(`${machine}:${key}`);
    }
    await this.startServer();
  }

  async startServer(): Promise<void> {
    const log = join(this.folder, "server.log");
    const server = new Program(
      ["server"],
      {
        HOME: this.folder,
        PORT: String(this.#port),
        VIBETEA_DATA_DIR: join(this.folder, "data"),
        VIBETEA_PUBLIC_KEYS: this.#publicKeys.join(","),
        VIBETEA_SUBSCRIBER_TOKEN: TOKEN,
        VIBETEA_RATE_LIMIT_PER_SEC: "1000000",
        VIBETEA_RATE_LIMIT_BURST: "1000000",
        RUST_LOG: "warn",
        ...this.#options.server,
      },
      log,
    );
    this.#server = server;
    await until("the server answers", async () => {
      if (server.ended) throw new Hopeless(`the server has ended: ${saidIn(log)}`);
      return (await fetch(new URL("health", this.url))).ok;
    });
  }

  /** Ends the server without a chance to say goodbye. */
  async killServer(): Promise<void> {
    await this.#server?.end("SIGKILL");
    this.#server = null;
  }

  /** Takes away all that the server, which must not run, has stored. */
  forget(): void {
    rmSync(join(this.folder, "data"), { recursive: true });
  }

  startMonitor(machine: string): void {
    this.#start(machine, this.#monitorEnvironment(machine));
  }

  /** Starts the monitor of a machine that has joined, with the settings it has written down then. */
  startJoined(machine: string): void {
    this.#start(machine, this.#homeOf(machine));
  }

  #start(machine: string, env: NodeJS.ProcessEnv): void {
    const log = join(this.folder, `${machine}.log`);
    this.#monitors.set(machine, new Program(["monitor", "run"], env, log));
  }

  /** Ends a monitor once everything in its transcripts is stored: from then on nothing comes from it. */
  async stopMonitor(machine: string): Promise<void> {
    await this.delivered(machine);
    await this.#monitors.get(machine)?.end("SIGTERM");
  }

  /** Waits until a monitor has read every whole line of every transcript and the server has taken what was in them. */
  async delivered(machine: string): Promise<void> {
    const paths = filesIn(this.claudeFolder(machine));
    const bytes = paths.reduce((sum, path) => sum + readFileSync(path).lastIndexOf("\n") + 1, 0);
    await until(`all transcripts of ${machine} are stored`, () => {
      const answer = answerOf(["monitor", "status", "--json"], this.#monitorEnvironment(machine));
      const { files, bytesRead, live, batch } = JSON.parse(answer) as Status;
      return files === paths.length && bytesRead >= bytes && live.waiting + batch.waiting === 0;
    });
  }

  #monitorEnvironment(machine: string): NodeJS.ProcessEnv {
    return { ...this.#homeOf(machine), VIBETEA_SERVER_URL: this.url, VIBETEA_SOURCE_ID: machine };
  }

  #homeOf(machine: string): NodeJS.ProcessEnv {
    const home = join(this.folder, machine);
    return {
      HOME: home,
      VIBETEA_KEY_PATH: join(home, "keys"),
      VIBETEA_STATE_DIR: join(home, "state"),
      VIBETEA_CLAUDE_DIR: this.claudeFolder(machine),
      RUST_LOG: "warn",
    };
  }

  /** Events of a tool that reads numbered files, one after the other in time. */
  makeEvents(many: number, fields: object = {}, at: (index: number) => number = Date.now): WireEvent[] {
    return Array.from({ length: many }, (_, index) => {
      const number = this.#sent++;
      return {
        id: `evt_${number.toString(36).padStart(20, "0")}`,
        source: this.#own,
        timestamp: new Date(at(index)).toISOString(),
        type: "tool",
        payload: {
          sessionId: "feed",
          tool: "Read",
          status: "completed",
          context: `file${number}.rs`,
          project: "feed",
          success: true,
          durationMs: 5,
          ...fields,
        },
      };
    });
  }

  /** Sends events of one source by the live path or another, and again until the server has taken them. */
  async send(events: readonly WireEvent[], path = "events"): Promise<void> {
    const body = JSON.stringify(events);
    const signature = sign(null, Buffer.from(body), this.#key).toString("base64");
    await until("the server takes the events", async () => {
      const answer = await fetch(new URL(path, this.url), {
        method: "POST",
        body,
        headers: {
          "Content-Type": "application/json",
          // a header is bytes: a name beyond ASCII goes as UTF-8
          "X-Source-ID": Buffer.from(events[0]?.source ?? this.#own, "utf8").toString("latin1"),
          "X-Signature": signature,
        },
      });
      if (answer.status >= 400 && answer.status < 500)
        throw new Hopeless(`${answer.status}: ${await answer.text()}`);
      return answer.ok;
    });
  }

  /** Asks the server as a script would. */
  async ask<Answer>(path: string): Promise<Answer> {
    const answer = await fetch(new URL(path, this.url), { headers: { Authorization: `Bearer ${TOKEN}` } });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return (await answer.json()) as Answer;
  }

  /** All stored events' sources and times, read from the database itself. */
  stored(): { source: string; at: number }[] {
    const query =
      "import json,sqlite3,sys; d=sqlite3.connect(f'file:{sys.argv[1]}?mode=ro',uri=True); " +
      "print(json.dumps(d.execute('SELECT source, timestamp FROM events').fetchall()))";
    const options = { encoding: "utf8", maxBuffer: 1 << 30 } as const;
    const rows = execFileSync("python3", ["-c", query, join(this.folder, "data", "vibetea.db")], options);
    return (JSON.parse(rows) as [string, string][]).map(([source, time]) => ({
      source,
      at: Date.parse(time),
    }));
  }

  /** Runs a command beside the server, as whoever keeps it does. */
  administer(words: readonly string[]): string {
    return answerOf(["server", ...words], {
      HOME: this.folder,
      PORT: String(this.#port),
      VIBETEA_DATA_DIR: join(this.folder, "data"),
      RUST_LOG: "warn",
    });
  }

  /** Makes a token for somebody who watches. */
  makeToken(name: string, ...more: string[]): string {
    const said = this.administer(["tokens", "create", "--name", name, ...more]);
    const [token] = /\bvt_[\w-]{43}/.exec(said) ?? [];
    if (!token) throw new Error(`no token was made: ${said}`);
    return token;
  }

  /** Lets a machine join by a code that is made beside the page. */
  join(machine: string): void {
    const [command = ""] = /vibetea-monitor enroll .*/.exec(this.administer(["enroll", machine])) ?? [];
    this.paste(machine, command.trim());
  }

  /** Pastes what the page shows on a machine that has nothing of ours yet. */
  paste(machine: string, command: string): void {
    mkdirSync(join(this.claudeFolder(machine), "projects"), { recursive: true });
    const [program, ...words] = command.split(" ");
    if (program !== "vibetea-monitor") throw new Error(`this is no command of the monitor: ${command}`);
    answerOf(["monitor", ...words, "--no-service"], this.#homeOf(machine));
  }

  /** What the programs have said of themselves, for a test that fails. */
  said(): string {
    const logs = readdirSync(this.folder).filter((name) => name.endsWith(".log"));
    return logs.map((name) => `${name}:\n${saidIn(join(this.folder, name))}`).join("\n");
  }

  async stop(): Promise<void> {
    for (const monitor of this.#monitors.values()) await monitor.end("SIGTERM");
    await this.#server?.end("SIGTERM");
    rmSync(this.folder, { recursive: true, force: true });
  }
}
