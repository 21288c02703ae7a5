// The steps of the README, as far as they can be followed without the platform: the files and functions that its commands
// name are there, what mends an earlier table does, and the requests that are to show that it works are answered so.

import assert from "node:assert/strict";
import { postgres, type Sql } from "./platform/client.ts";
import { Cluster, databaseTest } from "./platform/postgres.ts";
import { migrate, prepare, startProject } from "./platform/project.ts";
import { publicKeys, SOURCE, TOKEN } from "./platform/sender.ts";

const FOLDER = new URL("../../", import.meta.url);
const README = await Deno.readTextFile(new URL("README.md", FOLDER));

/** The lines of a language's blocks, without comments. */
function lines(text: string, language: string): string[] {
  const blocks = text.matchAll(new RegExp(`^ *\`\`\`${language}\n([^]*?)^ *\`\`\`$`, "gm"));
  return [...blocks].flatMap((block) => (block[1] ?? "").split("\n"))
    .map((line) => line.replace(/ {2,}#.*$/, "").trim())
    .filter((line) => line !== "");
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(new URL(path, FOLDER)).then(() => true, () => false);
}

/** What the commands name and is not there. */
async function missing(readme: string): Promise<string[]> {
  const made = new Set<string>();
  const found: string[] = [];
  for (const line of lines(readme, "sh")) {
    const words = line.split(" ");
    const paths = words.filter((word) => word.startsWith("supabase/")).map((word) =>
      word.slice("supabase/".length)
    );
    if (words[0] === "cp") made.add(paths.pop() ?? "");
    for (const path of paths) if (!made.has(path) && !await exists(path)) found.push(path);
    const deployed = /^supabase functions deploy (.*)$/.exec(line)?.[1]?.split(" ") ?? [];
    for (const name of deployed) if (!await exists(`functions/${name}/index.ts`)) found.push(name);
    const script = /^npm (?:run )?(check|test|serve)$/.exec(line)?.[1];
    const { scripts } = JSON.parse(await Deno.readTextFile(new URL("package.json", FOLDER)));
    if (line.startsWith("npm ") && line !== "npm ci" && !(script !== undefined && script in scripts)) {
      found.push(line);
    }
  }
  return found;
}

Deno.test("every file, function and script that the commands name is there", async () => {
  assert.ok(lines(README, "sh").length > 12);
  assert.deepEqual(await missing(README), []);
  // planted: names that are wrong by a letter
  for (
    const [right, wrong, name] of [
      ["cp supabase/.env.local.example", "cp supabase/.env.example", ".env.example"],
      ["deploy ingest query", "deploy ingest queries", "queries"],
      ["npm run check", "npm run lint", "npm run lint"],
    ] as const
  ) {
    assert.ok(README.includes(right), right);
    assert.deepEqual(await missing(README.replaceAll(right, wrong)), [name]);
  }
});

Deno.test("the settings of the example are those that the functions read", async () => {
  const example = await Deno.readTextFile(new URL(".env.local.example", FOLDER));
  const named = [...example.matchAll(/^(?:# )?(VIBETEA_\w+)=/gm)].map((match) => match[1]);
  const config = await Deno.readTextFile(new URL("functions/_shared/config.ts", FOLDER));
  const read = new Set([...config.matchAll(/"(VIBETEA_\w+)"/g)].map((match) => match[1]));
  assert.deepEqual(new Set(named), read);
});

/** The answer to a command of `curl`, with the project's address in place of the platform's. */
async function answer(command: string, url: string): Promise<{ status: number; body: unknown }> {
  const address = /'https:\/\/<reference>\.supabase\.co([^']*)'/.exec(command)?.[1] ?? "";
  const method = / -X (\w+)/.exec(command)?.[1] ?? "GET";
  const header = / -H "(\w+): ([^"]*)"/.exec(command);
  const headers = new Headers();
  if (header !== null) {
    headers.set(header[1] ?? "", (header[2] ?? "").replace("$VIBETEA_SUBSCRIBER_TOKEN", TOKEN));
  }
  const response = await fetch(`${url}${address}`, { method, headers });
  return { status: response.status, body: await response.json() };
}

/** A table of an earlier deployment with an event of that time. */
async function adopt(sql: Sql, moment: string): Promise<void> {
  await sql.unsafe(
    `create table public.events (id text primary key, source text not null, timestamp timestamptz not null,
    event_type text not null, payload jsonb not null, created_at timestamptz not null default now());
    insert into public.events values ('evt_00000000000000000001', 'laptop', '${moment}', 'tool', '{}')`,
  );
}

await databaseTest(
  "a table with a time that cannot be counted is mended as the README says, and then all works",
  async () => {
    const cluster = await Cluster.start();
    const [mend = "", ...others] = lines(README, "sql").join(" ").split(";").filter((statement) =>
      statement !== ""
    );
    assert.ok(mend.startsWith("DELETE FROM") && others.length === 0);
    for (
      const [moment, words] of [
        ["infinity", "cannot convert infinity to bigint"],
        ["-infinity", "cannot convert infinity to bigint"],
        ["294276-12-31", "bigint out of range"],
      ] as const
    ) {
      assert.ok(README.includes(`\`${words}\``));
      const database = await cluster.createDatabase();
      const sql = postgres(database);
      await prepare(sql);
      await adopt(sql, moment);
      await assert.rejects(migrate(sql), { message: words });
      const [left] = await sql.unsafe(
        "select to_regnamespace('vibetea') is null as nothing, count(*)::int as rows from events",
      );
      assert.deepEqual({ ...left }, { nothing: true, rows: 1 });
      await sql.unsafe(mend);
      await migrate(sql);
      await sql.end();
    }
    const database = await cluster.createDatabase();
    const project = await startProject({ database, publicKeys: publicKeys([SOURCE]), token: TOKEN });
    const commands = lines(README, "sh").filter((line) => line.startsWith("curl "));
    const answers = await Promise.all(commands.map((command) => answer(command, project.url)));
    assert.deepEqual(answers.map(({ status }) => status), [200, 401]);
    const [hours, refused] = answers.map(({ body }) => body as Record<string, unknown>);
    assert.deepEqual(hours?.aggregates, []);
    assert.equal(refused?.error, "missing_auth");
    // planted: without the token that the step before read
    const forgotten = (commands[0] ?? "").replace("$VIBETEA_SUBSCRIBER_TOKEN", "");
    assert.equal((await answer(forgotten, project.url)).status, 401);
    await project.stop();
    await cluster.stop();
  },
);
