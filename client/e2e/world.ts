import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The program under test; the tests are skipped without it. */
export const BIN = process.env.VIBETEA_BIN ?? "";
export const TOKEN = "a-token-of-the-browser-tests-0123456789";

const SOURCE = "feeder";

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}

export interface WorldOptions {
  /** More variables of the server. */
  server?: Record<string, string>;
  /** Names of machines with a monitor. */
  machines?: string[];
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

/** A server with its own folder, monitors beside it, and a source that signs what a test wants to send. */
export class World {
  readonly folder = mkdtempSync(join(tmpdir(), "vibetea-e2e-"));
  #port = 0;
  #server: ChildProcess | null = null;
  readonly #monitors = new Map<string, ChildProcess>();
  readonly #options: WorldOptions;
  readonly #key: KeyObject;
  readonly #publicKeys: string[] = [];
  #sent = 0;

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    this.#key = createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" }));
    const raw = publicKey.export({ type: "spki", format: "der" }).subarray(-32);
    for (const source of [SOURCE, ...(options.sources ?? [])])
      this.#publicKeys.push(`${source}:${raw.toString("base64")}`);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** Where the transcripts of a machine are. */
  claudeFolder(machine: string): string {
    return join(this.folder, machine, "claude");
  }

  async start(): Promise<void> {
    this.#port = await freePort();
    for (const machine of this.#options.machines ?? []) {
      mkdirSync(join(this.claudeFolder(machine), "projects"), { recursive: true });
      execFileSync(BIN, ["monitor", "init"], { env: this.#monitorEnvironment(machine), stdio: "ignore" });
      const key = readFileSync(join(this.folder, machine, "keys", "key.pub"), "utf8").trim();
      this.#publicKeys.push(`${machine}:${key}`);
    }
    await this.startServer();
  }

  async startServer(): Promise<void> {
    this.#server = spawn(BIN, ["server"], {
      stdio: "ignore",
      env: {
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
    });
    await until("the server answers", async () => (await fetch(new URL("health", this.url))).ok);
  }

  /** Ends the server without a chance to say goodbye. */
  async killServer(): Promise<void> {
    await end(this.#server, "SIGKILL");
    this.#server = null;
  }

  startMonitor(machine: string): void {
    this.#monitors.set(
      machine,
      spawn(BIN, ["monitor", "run"], { stdio: "ignore", env: this.#monitorEnvironment(machine) }),
    );
  }

  #monitorEnvironment(machine: string): NodeJS.ProcessEnv {
    const home = join(this.folder, machine);
    return {
      HOME: home,
      VIBETEA_SERVER_URL: this.url,
      VIBETEA_SOURCE_ID: machine,
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
        source: SOURCE,
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
          "X-Source-ID": events[0]?.source ?? SOURCE,
          "X-Signature": signature,
        },
      });
      if (answer.status >= 400 && answer.status < 500)
        throw new Rejected(`${answer.status}: ${await answer.text()}`);
      return answer.ok;
    });
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

  async stop(): Promise<void> {
    for (const monitor of this.#monitors.values()) await end(monitor, "SIGTERM");
    await end(this.#server, "SIGTERM");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

class Rejected extends Error {}

async function end(child: ChildProcess | null, signal: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((exited) => child.once("exit", exited));
  child.kill(signal);
  await gone;
}

/** Waits until something holds; the limit is there to end a test that fails, and far above what is needed. */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  limitMs = 30_000,
): Promise<void> {
  const start = performance.now();
  while (performance.now() - start < limitMs) {
    try {
      if (await holds()) return;
    } catch (error) {
      if (error instanceof Rejected) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited in vain until ${what}`);
}

/** A transcript that grows line by line in the shape of a real one. */
export class Session {
  readonly #path: string;
  readonly #id: string;
  #lines = 0;

  constructor(claude: string, id: string) {
    const folder = join(claude, "projects", "-home-dev-probe");
    mkdirSync(folder, { recursive: true });
    this.#path = join(folder, `${id}.jsonl`);
    this.#id = id;
  }

  /** Appends a call of the tool Read on a file of that name. */
  read(file: string): void {
    const uuid = `${String(this.#lines++).padStart(8, "0")}-0000-4000-8000-${this.#id.slice(-12)}`;
    const call = {
      type: "tool_use",
      id: `toolu_${uuid}`,
      name: "Read",
      input: { file_path: `/home/dev/probe/${file}` },
    };
    const record = {
      type: "assistant",
      uuid,
      parentUuid: null,
      sessionId: this.#id,
      cwd: "/home/dev/probe",
      timestamp: new Date().toISOString(),
      message: { role: "assistant", content: [call] },
    };
    appendFileSync(this.#path, `${JSON.stringify(record)}\n`);
  }
}
