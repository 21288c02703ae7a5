// `GET /functions/v1/query` over HTTP, with a real database behind.

import assert from "node:assert/strict";
import type { Database, HourlyRow } from "../_shared/db.ts";
import { type Aggregate, hourlyAggregates } from "../query/aggregates.ts";
import { Cluster, databaseTest } from "./platform/postgres.ts";
import { startProject } from "./platform/project.ts";
import { bodyOf, event, post, publicKeys, TOKEN } from "./platform/sender.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NAMES = ["laptop", "zeta", "Alpha", "alpha", "büro", "a b", "x&y", "l%top", "\u{1f375}", "\ufb01"];

await databaseTest("query", async (t) => {
  const cluster = await Cluster.start();
  const settings = { publicKeys: publicKeys(NAMES), token: TOKEN };
  const project = await startProject({ ...settings, database: await cluster.createDatabase() });
  const get = (parameters: string, headers: HeadersInit = { Authorization: `Bearer ${TOKEN}` }) =>
    fetch(`${project.url}/functions/v1/query${parameters}`, { headers });
  const rows = async (parameters: string): Promise<Aggregate[]> => {
    const response = await get(parameters);
    assert.equal(response.status, 200, parameters);
    const { aggregates, meta } = await response.json();
    assert.equal(meta.totalCount, aggregates.length);
    return aggregates;
  };
  let number = 0;
  const store = async (source: string, ...moments: number[]) => {
    const events = moments.map((at) => event(number += 1, source, new Date(at).toISOString()));
    assert.equal((await post(project.url, source, bodyOf(events))).status, 200, source);
  };
  const refusal = async (response: Response) => [response.status, (await response.json()).error];

  await t.step("an empty store answers an empty list with what was asked", async () => {
    const answer = await (await get("?days=30")).json();
    const age = Date.now() - Date.parse(answer.meta.fetchedAt);
    assert.ok(Math.abs(age) < 60_000, `fetchedAt is ${age} ms old`);
    answer.meta.fetchedAt = "now";
    assert.deepEqual(answer, {
      aggregates: [],
      meta: { totalCount: 0, daysRequested: 30, fetchedAt: "now" },
    });
  });

  await t.step("method, then header, then token, then days are checked", async () => {
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
      const refused = await fetch(`${project.url}/functions/v1/query?days=14`, { method });
      assert.equal(refused.headers.get("Allow"), "GET,HEAD,OPTIONS");
      assert.deepEqual(await refusal(refused), [405, "method_not_allowed"], method);
    }
    assert.deepEqual(await refusal(await get("?days=14", {})), [401, "missing_auth"]);
    assert.deepEqual(await refusal(await get(`?token=${TOKEN}`, {})), [401, "missing_auth"]);
    const near = [
      TOKEN.slice(1),
      TOKEN.slice(0, -1),
      `${TOKEN}x`,
      TOKEN.toUpperCase(),
      `${TOKEN}, ${TOKEN}`,
      "",
    ];
    const wrong = ["Bearer", TOKEN, `Token ${TOKEN}`, `Basic ${btoa(TOKEN)}`].concat(
      near.map((one) => `Bearer ${one}`),
    );
    for (const shown of wrong) {
      assert.deepEqual(
        await refusal(await get("?days=14", { Authorization: shown })),
        [401, "invalid_token"],
        shown,
      );
    }
    assert.deepEqual(await refusal(await get("?days=14")), [400, "invalid_days"]);
    assert.equal((await get("", { Authorization: `bearer  ${TOKEN}` })).status, 200);
  });

  await t.step("days are exactly 7 or 30", async () => {
    for (
      const [parameters, days] of [["", 7], ["?days=7", 7], ["?source=x&days=30", 30], [
        "?days=%37",
        7,
      ]] as const
    ) {
      assert.equal((await (await get(parameters)).json()).meta.daysRequested, days, parameters);
    }
    for (
      const days of [
        "",
        "07",
        "7.0",
        "%207",
        "7%20",
        "+7",
        "-7",
        "14",
        "0",
        "77",
        "7e0",
        "seven",
        "7,30",
        "%D9%A7",
      ]
    ) {
      assert.deepEqual(await refusal(await get(`?days=${days}`)), [400, "invalid_days"], days);
    }
  });

  await t.step(
    "a preflight is answered, HEAD is as GET without its body, and refusals may be read too",
    async () => {
      const preflight = await fetch(`${project.url}/functions/v1/query`, { method: "OPTIONS" });
      assert.deepEqual([preflight.status, await preflight.text()], [204, ""]);
      assert.equal(preflight.headers.get("Access-Control-Allow-Methods"), "GET, OPTIONS");
      assert.equal(preflight.headers.get("Access-Control-Allow-Headers"), "Authorization, Content-Type");
      assert.equal(preflight.headers.get("Access-Control-Max-Age"), "86400");
      const refused = await get("", {});
      assert.equal(refused.headers.get("Access-Control-Allow-Origin"), "*");
      await refused.body?.cancel();
      for (const [headers, status] of [[{}, 401], [{ Authorization: `Bearer ${TOKEN}` }, 200]] as const) {
        const head = await fetch(`${project.url}/functions/v1/query`, { method: "HEAD", headers });
        assert.deepEqual([head.status, await head.text()], [status, ""]);
      }
    },
  );

  await t.step("newest hours come first, and sources in the order of their bytes within one", async () => {
    const base = Math.floor((Date.now() - DAY) / HOUR) * HOUR;
    for (const source of NAMES) await store(source, base, base + HOUR - 1, base - 5 * HOUR, base - 30 * HOUR);
    const found = await rows("");
    const bytes = (text: string) =>
      Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16)).join();
    const sorted = [...NAMES].sort((one, other) => bytes(one) < bytes(other) ? -1 : 1);
    const expected = [base, base - 5 * HOUR, base - 30 * HOUR].flatMap((moment) =>
      sorted.map((source) => {
        const text = new Date(moment).toISOString();
        const eventCount = moment === base ? 2 : 1;
        return { source, date: text.slice(0, 10), hour: Number(text.slice(11, 13)), eventCount };
      })
    );
    assert.deepEqual(found, expected);
  });

  await t.step("the source filter is an exact match", async () => {
    for (const source of NAMES) {
      const found = await rows(`?days=30&source=${encodeURIComponent(source)}`);
      assert.deepEqual([found.length, new Set(found.map((row) => row.source))], [3, new Set([source])]);
    }
    for (
      const stranger of [
        "nobody",
        "lap",
        "Laptop",
        "laptop%20",
        "%25",
        "l_top",
        "%27%20OR%201%3D1--",
        "laptop%00",
      ]
    ) {
      assert.deepEqual(await rows(`?source=${stranger}`), [], stranger);
    }
    assert.equal((await rows("?source=")).length, 3 * NAMES.length);
  });

  await t.step("an event counts from exactly the asked days ago", async () => {
    const edges = [7, 30].flatMap((days) =>
      [-60, -30, 60, 90].map((s) => Date.now() - days * DAY + s * 1000)
    );
    await store("laptop", ...edges, Date.now() + 400 * DAY);
    const count = (found: Aggregate[]) => found.reduce((sum, row) => sum + row.eventCount, 0);
    assert.equal(count(await rows("?source=laptop")), 4 + 1 + 2);
    assert.equal(count(await rows("?days=30&source=laptop")), 4 + 1 + 4 + 2);
  });

  await t.step("an answer longer than the platform hands out is whole, wherever it cuts", async () => {
    const sources = ["laptop", "zeta", "alpha"];
    const base = Math.floor(Date.now() / HOUR) * HOUR;
    const hours = Array.from({ length: 720 }, (_, hour) => base - hour * HOUR);
    for (const maxRows of [1000, 719]) {
      const long = await startProject({ ...settings, maxRows, database: await cluster.createDatabase() });
      const events = sources.flatMap((source, at) =>
        hours.map((moment, hour) => event(at * 10_000 + hour, source, new Date(moment).toISOString()))
      );
      for (const source of sources) {
        const own = events.filter((one) => one.source === source);
        assert.equal((await post(long.url, source, bodyOf(own))).status, 200);
      }
      const whole = await fetch(`${long.url}/functions/v1/query?days=30`, {
        headers: { Authorization: `Bearer ${TOKEN}` },
      });
      const { aggregates, meta } = await whole.json();
      const names = aggregates.map((row: Aggregate) => `${row.date} ${row.hour} ${row.source}`);
      assert.deepEqual([meta.totalCount, new Set(names).size], [2160, 2160], `cut at ${maxRows}`);
      // what one request gets: a function that did not read on would answer this
      const cut = await fetch(`${long.url}/rest/v1/rpc/get_hourly_aggregates`, {
        method: "POST",
        headers: { apikey: long.keys.service_role },
        body: '{"days_back":30}',
      });
      assert.equal((await cut.json()).length, maxRows);
      await long.stop();
    }
  });

  await project.stop();
  await cluster.stop();
});

/** Rows as a platform hands them out that cuts at `most`; `change` is called before each page. */
function pages(all: HourlyRow[], most: number, change: (page: number) => void = () => {}): Database {
  let page = 0;
  return {
    insert: () => Promise.reject(new Error("nothing is stored here")),
    hourly(_days, _source, offset) {
      change(page);
      page += 1;
      return Promise.resolve({ rows: all.slice(offset, offset + most), total: all.length });
    },
  };
}

function hourly(count: number): HourlyRow[] {
  return Array.from({ length: count }, (_, n) => ({
    source: "laptop",
    date: `20${String(90 - Math.floor(n / 24)).padStart(2, "0")}-01-01`,
    hour: 23 - n % 24,
    event_count: 1,
  }));
}

Deno.test("rows that come while pages are read are neither lost nor told twice", async () => {
  for (const [name, change] of Object.entries({ added: 1, removed: -1 })) {
    const all = hourly(50);
    const database = pages(all, 10, (page) => {
      if (page !== 2) return;
      if (change > 0) all.unshift({ source: "new", date: "2091-01-01", hour: 0, event_count: 1 });
      else all.shift();
    });
    const found = await hourlyAggregates(database, 30, undefined);
    assert.deepEqual(
      found.map((row) => row.source + row.date + row.hour),
      all.map((row) => row.source + row.date + row.hour),
    );
    assert.equal(found.length, 50 + change, name);
  }
});

Deno.test("a platform that hands out no further row is no end of the answer", async () => {
  const database = pages(hourly(50), 1);
  await assert.rejects(hourlyAggregates(database, 30, undefined), { code: "unavailable" });
});
