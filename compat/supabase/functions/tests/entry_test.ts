// The very files that the platform runs, each in a process of its own with the permissions it needs and no more.

import assert from "node:assert/strict";
import { Cluster, databaseTest } from "./platform/postgres.ts";
import { startProject } from "./platform/project.ts";
import { bodyOf, event, publicKeys, signedHeaders, SOURCE, TOKEN } from "./platform/sender.ts";

const FOLDER = new URL("../../", import.meta.url);

/** Runs an entry; answers its address and a way to end it, which tells what it logged. */
async function run(name: string, variables: Record<string, string>) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--node-modules-dir=manual",
      "--cached-only",
      "--allow-net=127.0.0.1",
      "--allow-env",
      `functions/${name}/index.ts`,
    ],
    cwd: FOLDER,
    env: { ...variables, DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0", NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const lines = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  const until = async (found: () => boolean) => {
    while (!found()) {
      const { value, done } = await lines.read();
      if (done) return;
      said += value;
    }
  };
  const address = () => /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
  await until(() => address() !== undefined);
  const end = async () => {
    child.kill();
    await until(() => false);
    await child.status;
    return said;
  };
  const url = address();
  if (url === undefined) throw new Error(`${name} ended: ${await end()}`);
  return { url, end };
}

await databaseTest("a signed batch goes in at one entry and comes out, counted, at the other", async () => {
  const cluster = await Cluster.start();
  const database = await cluster.createDatabase();
  const project = await startProject({ database, publicKeys: publicKeys([SOURCE]), token: TOKEN });
  const variables = {
    SUPABASE_URL: project.url,
    SUPABASE_SERVICE_ROLE_KEY: project.keys.service_role,
    VIBETEA_PUBLIC_KEYS: publicKeys([SOURCE]),
    VIBETEA_SUBSCRIBER_TOKEN: TOKEN,
  };
  const [ingest, query] = await Promise.all([run("ingest", variables), run("query", variables)]);

  const moment = new Date(Date.now() - 86_400_000).toISOString();
  const body = bodyOf([event(1, SOURCE, moment), event(2, SOURCE, moment)]);
  const stored = await fetch(`${ingest.url}/ingest`, {
    method: "POST",
    headers: signedHeaders(SOURCE, body),
    body,
  });
  assert.deepEqual([stored.status, (await stored.json()).inserted], [200, 2]);

  const answer = await fetch(`${query.url}/query`, { headers: { Authorization: `Bearer ${TOKEN}` } });
  const expected = [{
    source: SOURCE,
    date: moment.slice(0, 10),
    hour: Number(moment.slice(11, 13)),
    eventCount: 2,
  }];
  assert.deepEqual((await answer.json()).aggregates, expected);

  await Promise.all([ingest.end(), query.end(), project.stop()]);
  await cluster.stop();
});

Deno.test("a function that is wrongly told refuses everything and says in its log what is wrong", async () => {
  const good: Record<string, string> = {
    SUPABASE_URL: "http://127.0.0.1:1",
    SUPABASE_SERVICE_ROLE_KEY: "sb_secret_x",
    VIBETEA_PUBLIC_KEYS: publicKeys([SOURCE]),
    VIBETEA_SUBSCRIBER_TOKEN: TOKEN,
  };
  for (
    const [name, wrong, told] of [
      ["ingest", { VIBETEA_PUBLIC_KEYS: "" }, "VIBETEA_PUBLIC_KEYS is not set"],
      [
        "query",
        { VIBETEA_SUBSCRIBER_TOKEN: "two words" },
        "VIBETEA_SUBSCRIBER_TOKEN: a secret of 9 characters",
      ],
    ] as const
  ) {
    const entry = await run(name, { ...good, ...wrong });
    const answer = await fetch(`${entry.url}/${name}`);
    assert.deepEqual([answer.status, (await answer.json()).error], [500, "internal_error"]);
    const log = await entry.end();
    assert.ok(log.includes(told) && !log.includes("two words"), log);
  }
});
