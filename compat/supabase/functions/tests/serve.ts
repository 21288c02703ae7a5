// The functions on a port, over a real PostgreSQL, for tests and benchmarks written in other languages.
//
//   deno run --allow-all functions/tests/serve.ts [--database=postgres://…] [--port=N]
//
// VIBETEA_PUBLIC_KEYS and VIBETEA_SUBSCRIBER_TOKEN say who may send and watch. A given database gets the roles of the
// platform and the migrations where it has none; without one, a server of its own is started. One line of JSON on
// standard output says where both are, {"url", "database"}, or what is missing to start, {"missing"}. All of it ends
// when standard input does.

import { parseArgs } from "node:util";
import { Cluster } from "./platform/postgres.ts";
import { startProject } from "./platform/project.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: { database: { type: "string" }, port: { type: "string", default: "0" } },
});
const missing = values.database === undefined ? await Cluster.missing() : undefined;
if (missing !== undefined) {
  await say({ missing });
  Deno.exit(0);
}
const cluster = values.database === undefined ? await Cluster.start() : undefined;
const database = values.database ?? await cluster?.createDatabase() ?? "";
const project = await startProject({
  database,
  publicKeys: variable("VIBETEA_PUBLIC_KEYS"),
  token: variable("VIBETEA_SUBSCRIBER_TOKEN"),
  port: Number(values.port),
});
await say({ url: project.url, database });
await Deno.stdin.readable.pipeTo(new WritableStream());
await project.stop();
await cluster?.stop();

async function say(what: Record<string, string>): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(what)}\n`));
}

function variable(name: string): string {
  const value = Deno.env.get(name);
  if (!value) throw new Error(`${name} is not set`);
  return value;
}
