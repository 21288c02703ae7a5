// `POST /functions/v1/ingest` over HTTP, with a real database behind.

import assert from "node:assert/strict";
import { readBody } from "../_shared/body.ts";
import { Problem } from "../_shared/problem.ts";
import { ingest } from "../ingest/handler.ts";
import { Cluster, databaseTest } from "./platform/postgres.ts";
import { type Project, startProject } from "./platform/project.ts";
import {
  bodyOf,
  event,
  post,
  publicKeys,
  signature,
  signedHeaders,
  SOURCE,
  TOKEN,
} from "./platform/sender.ts";

const LIMIT = 4 * 1024 * 1024;

await databaseTest("ingest", async (t) => {
  const cluster = await Cluster.start();
  const project = await startProject({
    database: await cluster.createDatabase(),
    publicKeys: publicKeys([SOURCE, "desktop"]),
    token: TOKEN,
  });
  const { url, sql } = project;
  const stored = async () => (await sql.unsafe("select count(*)::int as count from events"))[0]?.count;
  const send = async (events: unknown, source = SOURCE) => {
    const response = await post(url, source, bodyOf(events));
    return { status: response.status, ...await response.json() };
  };

  await t.step("duplicates are counted and no error", async () => {
    assert.deepEqual(await send([event(1), event(2), event(3)]), {
      status: 200,
      inserted: 3,
      message: "Successfully processed 3 events",
    });
    assert.deepEqual(await send([event(2), event(3), event(4), event(4)]), {
      status: 200,
      inserted: 1,
      message: "Successfully processed 4 events (3 duplicates skipped)",
    });
    assert.equal(await stored(), 4);
  });

  await t.step("one bad event among good ones stores nothing", async () => {
    const before = await stored();
    for (const at of [0, 500, 999]) {
      const batch = Array.from({ length: 1000 }, (_, n) => event(1000 + n));
      batch[at] = { ...event(at), eventType: "unknown" };
      const message = `Invalid event type 'unknown' at index ${at}`;
      assert.deepEqual(await send(batch), { status: 422, error: "invalid_event_type", message });
    }
    assert.equal(await stored(), before);
  });

  await t.step("of two faults the first in the contract's order is told", () => faultsInOrder(project));

  await t.step("numbers are stored digit by digit", async () => {
    const digits = "0.1234567890123456789012345";
    const text = JSON.stringify(event(50)).replace('"Read"', `[${digits}, 98765432109876543210, 1.50, 1e2]`);
    assert.equal((await post(url, SOURCE, new TextEncoder().encode(text))).status, 200);
    const [row] = await sql.unsafe("select payload ->> 'tool' as tool from events where id = $1", [
      event(50).id,
    ]);
    assert.equal(row?.tool, `[${digits}, 98765432109876543210, 1.50, 100]`);
  });

  await t.step(
    "a header of white space is an empty one, and white space around a header is none of it",
    async () => {
      const body = bodyOf([event(60)]);
      const good = signedHeaders(SOURCE, body);
      for (const [name, value] of [["X-Source-ID", " "], ["X-Signature", "\t"]] as const) {
        const { status, error } = await raw(url, { ...good, [name]: value }, body);
        assert.deepEqual([status, error], [401, "missing_auth"], name);
      }
      const padded = { ...good, "X-Source-ID": `\t${SOURCE} `, "X-Signature": ` ${good["X-Signature"]}\t` };
      assert.equal((await raw(url, padded, body)).status, 200);
    },
  );

  await t.step("a body is bounded whether it announces its length or not", async () => {
    const whole = new TextEncoder().encode(JSON.stringify([event(70)]).padEnd(LIMIT));
    assert.equal((await post(url, SOURCE, whole)).status, 200);
    const longer = new TextEncoder().encode(JSON.stringify([event(71)]).padEnd(LIMIT + 1));
    const announced = await post(url, SOURCE, longer);
    assert.deepEqual([announced.status, (await announced.json()).error], [413, "payload_too_large"]);
    const chunked = await fetch(`${url}/functions/v1/ingest`, {
      method: "POST",
      headers: signedHeaders(SOURCE, longer),
      body: new Blob([longer]).stream(),
    });
    assert.deepEqual([chunked.status, (await chunked.json()).error], [413, "payload_too_large"]);
  });

  await t.step("a preflight is answered and every answer may be read by a page", async () => {
    const preflight = await fetch(`${url}/functions/v1/ingest`, { method: "OPTIONS" });
    assert.deepEqual([preflight.status, await preflight.text()], [204, ""]);
    assert.equal(preflight.headers.get("Access-Control-Allow-Origin"), "*");
    assert.equal(preflight.headers.get("Access-Control-Allow-Methods"), "POST, OPTIONS");
    assert.equal(
      preflight.headers.get("Access-Control-Allow-Headers"),
      "Content-Type, X-Source-ID, X-Signature",
    );
    assert.equal(preflight.headers.get("Access-Control-Max-Age"), "86400");
    for (const method of ["GET", "PUT", "DELETE", "PATCH"]) {
      const refused = await fetch(`${url}/functions/v1/ingest`, { method });
      assert.deepEqual([refused.status, (await refused.json()).error], [405, "method_not_allowed"]);
      assert.equal(refused.headers.get("Allow"), "POST,OPTIONS");
      assert.equal(refused.headers.get("Access-Control-Allow-Origin"), "*");
    }
  });

  await t.step("senders at the same time store each event once", async () => {
    const before = await stored();
    const batch = Array.from({ length: 200 }, (_, n) => event(5000 + n));
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(batch)));
    assert.ok(answers.every((answer) => answer.status === 200));
    assert.equal(answers.reduce((sum, answer) => sum + answer.inserted, 0), 200);
    assert.equal(await stored(), before + 200);
  });

  await t.step(
    "a database that is away is 503 with a time to try again, and nothing is told of it",
    async () => {
      await cluster.stop();
      const response = await post(url, SOURCE, bodyOf([event(80)]));
      assert.equal(response.status, 503);
      assert.equal(response.headers.get("Retry-After"), "2");
      assert.deepEqual(await response.json(), {
        error: "unavailable",
        message: "The store is unavailable at the moment; please try again later",
      });
    },
  );
  await project.stop();
});

Deno.test("a gateway that is not reached, that fails or that answers nonsense is told apart", async () => {
  const nobody = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  nobody.close();
  const gateway = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
    return new Response("<html>", { status: url.includes("/bad/") ? 502 : 200 });
  });
  const answering = `http://127.0.0.1:${gateway.addr.port}`;
  for (
    const [url, status, error] of [
      [`http://127.0.0.1:${nobody.addr.port}`, 503, "unavailable"],
      [`${answering}/bad`, 503, "unavailable"],
      [answering, 500, "internal_error"],
    ] as const
  ) {
    const variables: Record<string, string> = {
      SUPABASE_URL: url,
      SUPABASE_SERVICE_ROLE_KEY: "sb_secret_x",
      VIBETEA_PUBLIC_KEYS: publicKeys([SOURCE]),
    };
    const serve = await ingest((name) => variables[name]);
    const body = bodyOf([event(1)]);
    const request = new Request("http://x/ingest", {
      method: "POST",
      headers: signedHeaders(SOURCE, body),
      body,
    });
    const answer = await serve(request);
    assert.deepEqual([answer.status, (await answer.json()).error], [status, error], url);
  }
  await gateway.shutdown();
});

Deno.test("a body that never ends is given up", async () => {
  const body = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array([0x5b])) });
  const request = new Request("http://localhost/ingest", { method: "POST", body });
  await assert.rejects(readBody(request, LIMIT, 10), (error) => {
    assert.ok(error instanceof Problem);
    return error.code === "request_timeout";
  });
});

Deno.test("a body that ends too early is no request", async () => {
  const body = new ReadableStream({ start: (controller) => controller.error(new Error("gone")) });
  const request = new Request("http://localhost/ingest", { method: "POST", body });
  await assert.rejects(readBody(request, LIMIT), (error) => {
    assert.ok(error instanceof Problem);
    return error.code === "invalid_request";
  });
});

/** The faults of a request in the order in which they are to be found; of one group a request has one at most. */
const FAULTS = [
  { name: "method", group: "method", answer: [405, "method_not_allowed"] },
  { name: "size", group: "size", answer: [413, "payload_too_large"] },
  { name: "no source", group: "source", answer: [401, "missing_auth"] },
  { name: "empty source", group: "source", answer: [401, "missing_auth"] },
  { name: "no signature", group: "signature", answer: [401, "missing_auth"] },
  { name: "empty signature", group: "signature", answer: [401, "missing_auth"] },
  { name: "unknown source", group: "source", answer: [401, "unknown_source"] },
  { name: "wrong signature", group: "signature", answer: [401, "invalid_signature"] },
  { name: "no JSON", group: "body", answer: [400, "invalid_request"], body: "[{]" },
  { name: "empty batch", group: "body", answer: [400, "empty_batch"], body: "[]" },
  { name: "too many", group: "body", answer: [400, "batch_too_large"], body: `[${"1,".repeat(1000)}1]` },
  { name: "bad event", group: "body", answer: [400, "invalid_event"], body: '[{"id":"bad"}]' },
];

async function faultsInOrder({ url }: Project): Promise<void> {
  for (const [place, first] of FAULTS.entries()) {
    const later = FAULTS.slice(place + 1).filter((second) => second.group !== first.group);
    for (const faults of [[first], ...later.map((second) => [first, second])]) {
      const has = (name: string) => faults.some((fault) => fault.name === name);
      const text = faults.find((fault) => fault.body)?.body ?? JSON.stringify([event(90)]);
      const body = new TextEncoder().encode(has("size") ? text.padEnd(LIMIT + 1) : text);
      const source = has("unknown source") ? "stranger" : SOURCE;
      const headers = new Headers();
      if (!has("no source")) headers.set("X-Source-ID", has("empty source") ? "" : source);
      const signed = signature(has("wrong signature") ? "desktop" : source, body);
      if (!has("no signature")) headers.set("X-Signature", has("empty signature") ? "" : signed);
      const method = has("method") ? "PUT" : "POST";
      const response = await fetch(`${url}/functions/v1/ingest`, { method, headers, body });
      const { error } = await response.json();
      assert.deepEqual([response.status, error], first.answer, faults.map((fault) => fault.name).join(", "));
    }
  }
}

/** A request as it is written, for headers that a client library would tidy up. */
async function raw(url: string, headers: Record<string, string>, body: Uint8Array) {
  const { hostname, port } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const lines = Object.entries({
    ...headers,
    Host: hostname,
    Connection: "close",
    "Content-Length": body.length,
  });
  const head = lines.map(([name, value]) => `${name}:${value}\r\n`).join("");
  await connection.write(new TextEncoder().encode(`POST /functions/v1/ingest HTTP/1.1\r\n${head}\r\n`));
  await connection.write(body);
  const answer = await new Response(connection.readable).text();
  const status = Number(answer.split(" ")[1]);
  return { status, error: /"error":"(\w+)"/.exec(answer)?.[1] };
}
