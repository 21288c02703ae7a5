// The golden cases that every implementation of the signed routes is held to, over HTTP, and what the database holds
// afterwards.

import assert from "node:assert/strict";
import { Cluster, databaseTest } from "./platform/postgres.ts";
import { startProject } from "./platform/project.ts";
import { post, publicKeys, TOKEN } from "./platform/sender.ts";

interface Row {
  id: string;
  source: string;
  timestamp: string;
  type: string;
  payload: unknown;
}

interface Case {
  name: string;
  route: "ingest" | "events";
  source: string;
  body?: string;
  bodyBase64?: string;
  bodyParts?: { text: string; times: number }[];
  expect: {
    status: number;
    error?: string;
    message?: string;
    mentions?: string[];
    inserted?: number;
    stored?: Row[];
  };
}

const FILES = ["accepted", "bodies", "fields", "payloads", "precedence"];

async function load(file: string): Promise<Case[]> {
  const url = new URL(`../../../../protocol/fixtures/${file}.json`, import.meta.url);
  return JSON.parse(await Deno.readTextFile(url));
}

function bodyOf(given: Case): Uint8Array<ArrayBuffer> {
  if (given.bodyBase64 !== undefined) {
    return Uint8Array.from(atob(given.bodyBase64), (character) => character.charCodeAt(0));
  }
  const parts = given.bodyParts ?? [{ text: given.body ?? "", times: 1 }];
  return new TextEncoder().encode(parts.map((part) => part.text.repeat(part.times)).join(""));
}

await databaseTest("every golden case holds over HTTP", async () => {
  const cases = (await Promise.all(FILES.map(load))).flat();
  assert.ok(cases.length > 300 && cases.every((given) => given.route === "ingest"));
  const cluster = await Cluster.start();
  const project = await startProject({
    database: await cluster.createDatabase(),
    publicKeys: publicKeys(new Set(cases.map((given) => given.source))),
    token: TOKEN,
  });
  const told: string[] = [];
  const accepted = new Set<string>();
  for (const given of cases) {
    const body = bodyOf(given);
    const response = await post(project.url, given.source, body);
    const answer = await response.json();
    const { status, error, message, mentions = [], inserted } = given.expect;
    const differ = (what: string, expected: unknown, got: unknown) => {
      if (expected !== got) told.push(`${given.name}: ${what}: expected ${expected}, got ${got}`);
    };
    differ("status", status, response.status);
    differ("error", error, answer.error);
    differ("inserted", inserted, answer.inserted);
    if (message !== undefined) differ("message", message, answer.message);
    for (const piece of mentions) differ(`message holds ${piece}`, true, answer.message?.includes(piece));
    if (status < 300) {
      for (const id of new TextDecoder().decode(body).match(/evt_\w{20}/g) ?? []) accepted.add(id);
    }
    for (const row of given.expect.stored ?? []) {
      accepted.add(row.id);
      const found = await project.sql.unsafe<Row[]>(
        `select id, source, event_type as type, payload,
           to_char(timestamp at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as timestamp
         from events where id = $1`,
        [row.id],
      );
      const expected = [{ ...row, timestamp: row.timestamp.replace(/\.(\d{3})Z$/, ".$1000Z") }];
      assert.deepEqual(found.map((one) => ({ ...one })), expected, given.name);
    }
  }
  assert.deepEqual(told, []);
  const stored = await project.sql.unsafe<{ id: string }[]>("select id from events");
  assert.deepEqual(stored.map((row) => row.id).filter((id) => !accepted.has(id)), []);
  assert.ok(stored.length > 50);
  await project.stop();
  await cluster.stop();
});
