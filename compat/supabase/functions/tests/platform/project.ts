// A whole project on one port, as the platform lays it out: the functions under `/functions/v1`, the database gateway
// under `/rest/v1`, a real PostgreSQL behind.

import { ingest } from "../../ingest/handler.ts";
import { query } from "../../query/handler.ts";
import { postgres, type Sql } from "./client.ts";
import { gateway, MAX_ROWS, type Role } from "./gateway.ts";

const FOLDER = new URL("../../../", import.meta.url);

/** What a project is told. */
export interface Settings {
  /** Address of a database, as its owner; the roles and the migrations are added. */
  database: string;
  publicKeys: string;
  token: string;
  origins?: string;
  /** Where the gateway cuts an answer. */
  maxRows?: number;
  port?: number;
}

/** A running project. */
export interface Project {
  url: string;
  /** The database, as its owner. */
  sql: Sql;
  /** The project's keys, by role. */
  keys: Record<Role, string>;
  stop(): Promise<void>;
}

/** The texts of the project's migrations, in their order. */
export async function migrations(): Promise<string[]> {
  const folder = new URL("migrations/", FOLDER);
  const names = (await Array.fromAsync(Deno.readDir(folder))).map((entry) => entry.name).sort();
  return await Promise.all(names.map((name) => Deno.readTextFile(new URL(name, folder))));
}

/** Makes a database what the platform's are before the first migration. */
export async function prepare(sql: Sql): Promise<void> {
  for (const file of ["roles.sql", "grants.sql"]) {
    await sql.unsafe(await Deno.readTextFile(new URL(file, import.meta.url)));
  }
}

/** Applies the project's migrations, each in a transaction of its own as the platform's tool does. */
export async function migrate(sql: Sql): Promise<void> {
  for (const text of await migrations()) await sql.begin((transaction) => transaction.unsafe(text));
}

/** Starts a project over a database, which is migrated first unless it is already. */
export async function startProject(settings: Settings): Promise<Project> {
  const sql = postgres(settings.database, 4);
  await prepare(sql);
  const [migrated] = await sql.unsafe("select to_regclass('vibetea.stream') is not null as done");
  if (!migrated?.done) await migrate(sql);
  const address = new URL(settings.database);
  await sql.unsafe(`alter role authenticator password '${address.password}'`);
  address.username = "authenticator";
  const login = postgres(address.href, 8);

  const keys = { anon: key("publishable"), authenticated: key("publishable"), service_role: key("secret") };
  const roles = new Map<string, Role>([
    [keys.anon, "anon"],
    [keys.authenticated, "authenticated"],
    [keys.service_role, "service_role"],
  ]);
  const rest = gateway(login, roles, settings.maxRows ?? MAX_ROWS);
  const functions = new Map<string, (request: Request) => Promise<Response>>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: settings.port ?? 0, onListen: () => {} },
    (request) => {
      const { pathname } = new URL(request.url);
      if (pathname.startsWith("/rest/v1/")) return rest(request);
      const serve = functions.get(pathname.replace(/^\/functions\/v1\//, "/"));
      return serve?.(request) ?? new Response(null, { status: 404 });
    },
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  const variables: Record<string, string | undefined> = {
    SUPABASE_URL: url,
    SUPABASE_SERVICE_ROLE_KEY: keys.service_role,
    VIBETEA_PUBLIC_KEYS: settings.publicKeys,
    VIBETEA_SUBSCRIBER_TOKEN: settings.token,
    VIBETEA_CORS_ORIGINS: settings.origins,
  };
  functions.set("/ingest", await ingest((name) => variables[name]));
  functions.set("/query", await query((name) => variables[name]));
  const stop = async () => {
    await server.shutdown();
    await Promise.all([login.end(), sql.end()]);
  };
  return { url, sql, keys, stop };
}

function key(kind: "publishable" | "secret"): string {
  return `sb_${kind}_${crypto.randomUUID()}`;
}
