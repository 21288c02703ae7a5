// A PostgreSQL of the tests' own: real programs, a temporary folder, a free port, gone with this process.

import { postgres as connect, type Sql } from "./client.ts";

/** The role that owns what a project's owner makes: not a superuser, as on the platform. */
export const OWNER = "postgres";
const SUPERUSER = "supabase_admin";
const READY_DEADLINE_MS = 60_000;

/** A running database server. */
export class Cluster {
  readonly #port: number;
  readonly #password: string;
  readonly #child: Deno.ChildProcess;

  private constructor(port: number, password: string, child: Deno.ChildProcess) {
    this.#port = port;
    this.#password = password;
    this.#child = child;
  }

  /** What is missing to start one here, if anything is. */
  static async missing(): Promise<string | undefined> {
    const found = await install();
    return typeof found === "string" ? found : undefined;
  }

  /** Makes and starts one; its folder and its processes go when this process goes, however it does. */
  static async start(): Promise<Cluster> {
    const found = await install();
    if (typeof found === "string") throw new Error(found);
    const { programs, user: owner } = found;
    const folder = await Deno.makeTempDir({ prefix: "vibetea-postgres-" });
    const password = crypto.randomUUID();
    const passwordFile = `${folder}/password`;
    await Deno.writeTextFile(passwordFile, password, { mode: 0o600 });
    for (const path of [folder, passwordFile]) await Deno.chown(path, owner.uid ?? null, owner.gid ?? null);
    const data = `${folder}/data`;
    // the platform's collation is not the order of bytes either
    const locale = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"];
    const made = await new Deno.Command(`${programs}/initdb`, {
      args: [
        "-D",
        data,
        "-U",
        SUPERUSER,
        "--auth=scram-sha-256",
        `--pwfile=${passwordFile}`,
        "-N",
        ...locale,
      ],
      cwd: folder,
      ...owner,
    }).output();
    if (!made.success) throw new Error(`initdb failed: ${new TextDecoder().decode(made.stderr)}`);
    const port = freePort();
    // the end of standard input, which the end of this process is as well, stops the server and removes the folder;
    // a process in between does it, as the runtime kills the one that it started
    const script = `exec 3<&0
      ( "$0" "$@" & server=$!; cat <&3 >/dev/null; kill -INT $server; wait $server; rm -rf "$FOLDER" ) &
      wait`;
    const settings = [
      "listen_addresses=127.0.0.1",
      `unix_socket_directories=${folder}`,
      "max_connections=200",
    ];
    const child = new Deno.Command("sh", {
      args: ["-c", script, `${programs}/postgres`, "-D", data, "-p", `${port}`]
        .concat(settings.flatMap((setting) => ["-c", setting])),
      env: { FOLDER: folder },
      cwd: "/",
      stdin: "piped",
      stdout: "null",
      stderr: "null",
      ...owner,
    }).spawn();
    const cluster = new Cluster(port, password, child);
    await cluster.#ready();
    return cluster;
  }

  /** Stops the server and removes its folder. */
  async stop(): Promise<void> {
    await this.#child.stdin.close();
    await this.#child.status;
  }

  /** The address of a database. */
  url(database: string, role: string = OWNER, password: string = this.#password): string {
    return `postgres://${role}:${password}@127.0.0.1:${this.#port}/${database}`;
  }

  /** Makes a database that belongs to the project's owner; its address. */
  async createDatabase(): Promise<string> {
    const name = `tea_${crypto.randomUUID().replaceAll("-", "")}`;
    const sql = connect(this.url("postgres", SUPERUSER));
    await sql.unsafe(`create database ${name} owner ${OWNER}`);
    await sql.end();
    return this.url(name);
  }

  async #ready(): Promise<void> {
    const deadline = Date.now() + READY_DEADLINE_MS;
    const sql: Sql = connect(this.url("postgres", SUPERUSER));
    for (;;) {
      try {
        await sql.unsafe(
          `create role ${OWNER} login createdb createrole bypassrls password '${this.#password}'`,
        );
        break;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    await sql.unsafe(await Deno.readTextFile(new URL("roles.sql", import.meta.url)));
    await sql.end();
  }
}

/**
 * A test that needs PostgreSQL. Where there is none it is skipped with a word; with `CI` set, where everything is there
 * to be run, it fails instead. `lacking` says what is missing, if anything is.
 */
export async function databaseTest(
  name: string,
  test: (t: Deno.TestContext) => Promise<void>,
  lacking: () => Promise<string | undefined> = Cluster.missing,
): Promise<void> {
  const missing = await lacking();
  if (missing === undefined) {
    Deno.test(name, test);
  } else if (Deno.env.get("CI") !== undefined) {
    Deno.test(name, () => {
      throw new Error(`in CI nothing is skipped for want of PostgreSQL: ${missing}`);
    });
  } else {
    // deno-lint-ignore no-console -- whoever runs the tests shall see it
    console.error(`skipped: ${missing}`);
    Deno.test.ignore(name, test);
  }
}

interface Install {
  /** The folder of PostgreSQL's programs. */
  programs: string;
  /** Whom they run as, where they must not run as we do: PostgreSQL does not run as root. */
  user: { uid?: number; gid?: number };
}

/** What is installed here, or what is missing. */
async function install(): Promise<Install | string> {
  const programs = await findPrograms();
  if (programs === undefined) {
    return "PostgreSQL's programs were not found: install them (Debian: `apt-get install postgresql`) or name " +
      "their folder in VIBETEA_POSTGRES_BIN";
  }
  if (Deno.uid() !== 0) return { programs, user: {} };
  const [uid, gid] = await Promise.all(["-u", "-g"].map(async (flag) => {
    const { stdout } = await new Deno.Command("id", { args: [flag, "postgres"], stderr: "null" }).output();
    return parseInt(new TextDecoder().decode(stdout), 10);
  }));
  if (!uid || !gid) return "PostgreSQL does not run as root, and there is no user postgres";
  return { programs, user: { uid, gid } };
}

/** The folder that is named in a variable, that of the newest version of Debian's, or one on the path. */
async function findPrograms(): Promise<string | undefined> {
  const named = Deno.env.get("VIBETEA_POSTGRES_BIN");
  if (named !== undefined) return named;
  const versions: number[] = [];
  try {
    for await (const entry of Deno.readDir("/usr/lib/postgresql")) versions.push(Number(entry.name));
  } catch {
    // not a Debian
  }
  const folders = versions.sort((one, other) => other - one)
    .map((version) => `/usr/lib/postgresql/${version}/bin`)
    .concat((Deno.env.get("PATH") ?? "").split(":"));
  for (const folder of folders) {
    if (await Deno.stat(`${folder}/initdb`).then(() => true, () => false)) return folder;
  }
  return undefined;
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}
