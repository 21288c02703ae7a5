// Nobody but the service role reads, writes or calls anything: asked of the catalogue, tried as each role, and tried
// through the gateway. Every kind of hole is planted once and must be seen.

import assert from "node:assert/strict";
import { PostgresError, type Sql, type TransactionSql } from "./platform/client.ts";
import { Cluster, databaseTest } from "./platform/postgres.ts";
import { startProject } from "./platform/project.ts";
import { bodyOf, event, post, publicKeys, SOURCE, TOKEN } from "./platform/sender.ts";

/** What the keys of browsers stand for, and a role that has what everybody has. */
const OUTSIDERS = ["anon", "authenticated", "stranger"];

const FORGED =
  "insert into events (id, source, timestamp, event_type, payload, seq) values ('x', 'x', now(), 'tool', '{}', -1)";
const ATTEMPTS = [
  "select * from events",
  "select * from hourly_aggregates",
  FORGED,
  "update events set source = 'forged'",
  "delete from events",
  "truncate events",
  "select bulk_insert_events('[]')",
  `select bulk_insert_events('${JSON.stringify([event(9)])}')`,
  "select * from get_hourly_aggregates()",
  "select * from vibetea.hourly",
  "select * from vibetea.hourly_aggregates_since(now(), null)",
  "insert into vibetea.stream (newest) values (0)",
  "create table public.planted (x int)",
];

await databaseTest("access", async (t) => {
  const cluster = await Cluster.start();
  const database = await cluster.createDatabase();
  const project = await startProject({ database, publicKeys: publicKeys([SOURCE]), token: TOKEN });
  const { sql } = project;
  await sql.unsafe("create role stranger nologin");
  await sql.unsafe(`grant ${OUTSIDERS.concat("service_role").join(", ")} to current_user`);
  assert.equal((await post(project.url, SOURCE, bodyOf([event(1), event(2)]))).status, 200);

  await t.step("the catalogue grants outsiders nothing, and rows are guarded besides", async () => {
    assert.deepEqual(await holes(sql), []);
  });

  await t.step("every attempt of an outsider is refused", async () => {
    for (const role of OUTSIDERS) {
      for (const statement of ATTEMPTS) {
        assert.equal(await attempt(sql, role, statement), "42501", `${role}: ${statement}`);
      }
    }
    assert.equal((await sql.unsafe("select from events where source = $1", [SOURCE])).length, 2);
  });

  await t.step("the service role does what the functions need", async () => {
    for (
      const statement of [
        "select * from events",
        "select * from hourly_aggregates",
        `select bulk_insert_events('${JSON.stringify([event(3)])}')`,
        "select * from get_hourly_aggregates(30, 'laptop')",
      ]
    ) assert.equal(await attempt(sql, "service_role", statement), "done", statement);
  });

  await t.step("keys of browsers open nothing at the gateway", async () => {
    for (const role of ["anon", "authenticated"] as const) {
      for (
        const [name, body] of [["bulk_insert_events", { events_json: [event(4)] }], [
          "get_hourly_aggregates",
          {},
        ]]
      ) {
        const response = await fetch(`${project.url}/rest/v1/rpc/${name}`, {
          method: "POST",
          headers: { apikey: project.keys[role] },
          body: JSON.stringify(body),
        });
        const { code } = await response.json();
        assert.deepEqual([response.status, code], [role === "anon" ? 401 : 403, "42501"], `${role}: ${name}`);
      }
    }
    const unknown = await fetch(`${project.url}/rest/v1/rpc/get_hourly_aggregates`, {
      method: "POST",
      body: "{}",
    });
    assert.equal(unknown.status, 401);
    await unknown.body?.cancel();
  });

  await t.step("with every right granted, the rows are still out of reach", async () => {
    await undone(sql, async (transaction) => {
      await transaction.unsafe("grant all on events to anon; set local role anon");
      assert.equal((await transaction.unsafe("select from events")).length, 0);
      assert.equal((await transaction.unsafe("update events set source = 'forged'")).count, 0);
      assert.equal((await transaction.unsafe("delete from events")).count, 0);
      await assert.rejects(transaction.unsafe(FORGED), { code: "42501" });
    });
  });

  for (
    const hole of [
      "grant select on events to anon",
      "grant truncate on events to authenticated",
      "grant update (payload) on events to anon",
      "grant select on hourly_aggregates to public",
      "grant execute on function bulk_insert_events(jsonb) to public",
      "grant execute on function get_hourly_aggregates(int, text) to anon",
      "grant usage on schema vibetea to authenticated; grant select on vibetea.hourly to authenticated",
      "grant execute on function vibetea.add_counts(text[], bigint[], bigint[], bigint[]) to public",
      "create function planted() returns bigint language sql security definer as 'select count(*) from events'",
      "create table planted (x int)",
      "alter table events disable row level security",
      "alter table events no force row level security",
      "create policy planted on events using (true)",
    ]
  ) {
    await t.step(`a hole is seen: ${hole}`, async () => {
      await undone(sql, async (transaction) => {
        await transaction.unsafe(hole);
        assert.notDeepEqual(await holes(transaction), []);
      });
    });
  }

  await project.stop();
  await cluster.stop();
});

/** Everything in the project's schemas that an outsider has a right to, and everything that does not guard its rows. */
async function holes(sql: Sql | TransactionSql): Promise<string[]> {
  const found = await sql.unsafe<{ hole: string }[]>(
    `with outsider as (select unnest(string_to_array($1, ',')) as role),
     schema as (select oid, nspname as name from pg_namespace where nspname in ('public', 'vibetea')),
     reachable as (
       select role, schema.oid, schema.name from outsider, schema where has_schema_privilege(role, schema.oid, 'usage')
     )
     select format('%s may use %s.%s', role, name, relname) as hole
     from reachable join pg_class on relnamespace = reachable.oid
     where relkind in ('r', 'v', 'm', 'p', 'f') and (
       has_table_privilege(role, pg_class.oid, 'select, insert, update, delete, truncate, references, trigger')
       or has_any_column_privilege(role, pg_class.oid, 'select, insert, update, references'))
     union all
     select format('%s may use %s.%s', role, name, relname)
     from reachable join pg_class on relnamespace = reachable.oid
     where relkind = 'S' and has_sequence_privilege(role, pg_class.oid, 'usage, select, update')
     union all
     select format('%s may call %s.%s', role, name, proname)
     from outsider, schema join pg_proc on pronamespace = schema.oid
     where has_function_privilege(role, pg_proc.oid, 'execute')
     union all
     select format('%s may make things in %s', role, name)
     from reachable where has_schema_privilege(role, reachable.oid, 'create')
     union all
     select format('%s does not guard its rows', relname) from pg_class
     where pg_class.oid = 'public.events'::regclass and not (relrowsecurity and relforcerowsecurity)
     union all
     select format('the policy %s lets rows through', polname) from pg_policy`,
    [OUTSIDERS.join()],
  );
  return found.map((row) => row.hole);
}

/** What comes of a statement as a role: `done`, or the code of the refusal. */
async function attempt(sql: Sql, role: string, statement: string): Promise<string> {
  try {
    await undone(sql, (transaction) => transaction.unsafe(`set local role ${role}; ${statement}`));
    return "done";
  } catch (error) {
    if (error instanceof PostgresError) return error.code;
    throw error;
  }
}

/** Does something in a transaction of which nothing stays. */
async function undone(sql: Sql, work: (transaction: TransactionSql) => Promise<unknown>): Promise<void> {
  const over = new Error("over");
  await sql.begin(async (transaction) => {
    await work(transaction);
    throw over;
  }).catch((error) => {
    if (error !== over) throw error;
  });
}
