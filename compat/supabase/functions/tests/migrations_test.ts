// The hosted project runs the very text of the server's migrations, on an empty project and on one that holds the
// events of an earlier deployment.

import assert from "node:assert/strict";
import { postgres } from "./platform/client.ts";
import { Cluster, databaseTest } from "./platform/postgres.ts";
import { prepare, startProject } from "./platform/project.ts";
import { bodyOf, event, post, publicKeys, SOURCE, TOKEN } from "./platform/sender.ts";

const ROOT = new URL("../../../../", import.meta.url);

async function texts(folder: string): Promise<Map<string, string>> {
  const url = new URL(folder, ROOT);
  const found = new Map<string, string>();
  for (const { name } of await Array.fromAsync(Deno.readDir(url))) {
    found.set(name, await Deno.readTextFile(new URL(name, url)));
  }
  return found;
}

Deno.test("the migrations are the server's, byte by byte, under names with a time", async () => {
  const hosted = await texts("compat/supabase/migrations/");
  const renamed = new Map<string, string>();
  for (const [name, text] of hosted) {
    assert.match(name, /^\d{14}_\w+\.sql$/);
    renamed.set(name.slice(10), text);
  }
  const own = await texts("migrations/postgres/");
  assert.ok(own.size >= 2);
  assert.deepEqual(renamed, own);
});

/** The table and the two functions of earlier deployments, with everything they left open. */
const EARLIER = `
  create table events (
    id text primary key,
    source text not null,
    timestamp timestamptz not null,
    event_type text not null check (event_type in ('session', 'activity', 'tool', 'agent', 'summary', 'error')),
    payload jsonb not null,
    created_at timestamptz default now()
  );
  create index idx_events_timestamp on events (timestamp desc);
  create index idx_events_source on events (source);
  create index idx_events_source_timestamp on events (source, timestamp desc);
  alter table events enable row level security;
  alter table events force row level security;
  create function bulk_insert_events(events_json jsonb) returns table (inserted_count bigint)
  language plpgsql security definer as $$
  begin
    return query with added as (
      insert into events (id, source, timestamp, event_type, payload)
      select e ->> 'id', e ->> 'source', (e ->> 'timestamp')::timestamptz, e ->> 'eventType', e -> 'payload'
      from jsonb_array_elements(events_json) as e on conflict (id) do nothing returning 1
    ) select count(*)::bigint from added;
  end $$;
  create function get_hourly_aggregates(days_back int default 7, source_filter text default null)
  returns table (source text, date date, hour int, event_count bigint)
  language plpgsql security definer as $$
  begin
    return query select e.source, (e.timestamp at time zone 'utc')::date,
      extract(hour from e.timestamp at time zone 'utc')::int, count(*)
    from events e where e.timestamp >= now() - make_interval(days => days_back)
      and (source_filter is null or e.source = source_filter)
    group by 1, 2, 3 order by 2 desc, 3 desc;
  end $$;
  grant execute on function bulk_insert_events(jsonb) to service_role;
  grant execute on function get_hourly_aggregates(int, text) to service_role;`;

await databaseTest(
  "a project with events of an earlier deployment is taken over with all of them",
  async () => {
    const cluster = await Cluster.start();
    const database = await cluster.createDatabase();
    const sql = postgres(database);
    await prepare(sql);
    await sql.unsafe(EARLIER);
    const hours = Array.from({ length: 40 }, (_, n) => new Date(Date.now() - n * 1_800_000).toISOString());
    const events = hours.flatMap((at, n) => [event(n, "laptop", at), event(100 + n, "Zoë", at)]);
    await sql.unsafe("select bulk_insert_events($1::text::jsonb)", [JSON.stringify(events)]);
    const ask = "select source, date::text, hour, event_count::int from get_hourly_aggregates(7)";
    const before = await sql.unsafe(ask);

    const project = await startProject({ database, publicKeys: publicKeys([SOURCE]), token: TOKEN });
    const key = (row: { source: string; date: string; hour: number; event_count: number }) =>
      JSON.stringify(row);
    const sorted = (rows: Iterable<unknown>) =>
      [...rows].map((row) => key(row as Parameters<typeof key>[0])).sort();
    assert.ok(before.length > 20);
    assert.deepEqual(sorted(await sql.unsafe(ask)), sorted(before));
    const [kept] = await sql.unsafe(
      "select count(*)::int as events, count(distinct seq)::int as places from events",
    );
    assert.deepEqual({ ...kept }, { events: 80, places: 80 });

    const again = await post(
      project.url,
      SOURCE,
      bodyOf([event(0), event(7000, SOURCE, new Date().toISOString())]),
    );
    assert.equal((await again.json()).message, "Successfully processed 2 events (1 duplicates skipped)");
    await project.stop();
    await sql.end();
    await cluster.stop();
  },
);
