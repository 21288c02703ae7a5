// A stand-in for the platform's database gateway (PostgREST), for tests alone: `POST /rest/v1/rpc/<function>` runs
// the SQL function in a real PostgreSQL, as the role that the key stands for, and cuts what it answers to at most
// 1000 rows. It knows no more than the functions use of it.

import { type PostgresError, PostgresError as Failure, type Sql } from "./client.ts";

/** The roles behind the keys of a project. */
export type Role = "anon" | "authenticated" | "service_role";

/** Most rows of an answer, as the platform is configured unless its owner changes it. */
export const MAX_ROWS = 1000;

interface Call {
  name: string;
  role: Role;
  args: string;
  order: string;
  limit: number;
  offset: number;
  counted: boolean;
}

/** Answers the requests of a client library; `sql` is logged in as `authenticator`. */
export function gateway(
  sql: Sql,
  keys: ReadonlyMap<string, Role>,
  maxRows = MAX_ROWS,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const url = new URL(request.url);
    const name = /^\/rest\/v1\/rpc\/(\w+)$/.exec(url.pathname)?.[1];
    if (name === undefined || request.method !== "POST") return refused(404, "PGRST125", "no such path here");
    const role = keys.get(request.headers.get("apikey") ?? "");
    if (role === undefined) return Response.json({ message: "Invalid API key" }, { status: 401 });
    const asked = Number(url.searchParams.get("limit") ?? maxRows);
    const call: Call = {
      name,
      role,
      args: await request.text(),
      order: orderBy(url.searchParams.get("order")),
      limit: Math.min(asked, maxRows),
      offset: Number(url.searchParams.get("offset") ?? 0),
      counted: (request.headers.get("Prefer") ?? "").includes("count=exact"),
    };
    try {
      return await run(sql, call);
    } catch (error) {
      if (error instanceof Failure) return failed(error, role);
      if (isConnection(error)) return refused(503, "PGRST001", "no connection to the database");
      throw error;
    }
  };
}

async function run(sql: Sql, call: Call): Promise<Response> {
  const [found] = await sql.unsafe(
    `select proretset as many, to_json(proargnames[1:pronargs]) as names,
       (select json_agg(format_type(kind, null) order by at)
         from unnest(proargtypes) with ordinality as kinds(kind, at)) as types
     from pg_proc where proname = $1 and pronamespace = 'public'::regnamespace`,
    [call.name],
  );
  if (found === undefined) return refused(404, "PGRST202", `no function ${call.name} in the schema cache`);
  const many: boolean = found.many;
  const given = Object.keys(JSON.parse(call.args));
  const names: string[] = found.names.filter((name: string) => given.includes(name));
  if (names.length !== given.length) return refused(404, "PGRST202", `no ${call.name} with such parameters`);
  const fields = names.map((name) => `"${name}" ${found.types[found.names.indexOf(name)]}`).join(", ");
  const passed = names.map((name) => `"${name}" := args."${name}"`).join(", ");
  const invoked = many
    ? `lateral public."${call.name}"(${passed}) called`
    : `lateral (select public."${call.name}"(${passed}) as scalar) called`;
  const text = `
    with source as (
      select called.* from json_to_record($1::text::json) as args(${fields || "nothing text"}), ${invoked}
    ), page as (
      select * from source ${call.order} limit ${call.limit} offset ${call.offset}
    )
    select (select count(*) from source)::int as total, count(*)::int as shown,
      coalesce(json_agg(page), '[]')::text as body, (json_agg(page) -> 0 -> 'scalar')::text as scalar
    from page`;
  const row = await sql.begin(async (transaction) => {
    await transaction.unsafe("select set_config('role', $1, true)", [call.role]);
    return (await transaction.unsafe(text, [call.args]))[0];
  });
  if (row === undefined) throw new Error("an aggregate has one row");
  if (!many) return json(200, row.scalar);
  return paged(call, row.total, row.shown, row.body);
}

/** Whether the driver could not reach the database or lost it. */
function isConnection(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^(?:CONNECT|ECONN)/.test(code);
}

function paged(call: Call, total: number, shown: number, body: string): Response {
  if (call.counted && call.offset > total) return refused(416, "PGRST103", "Requested range not satisfiable");
  const range = shown === 0 ? "*" : `${call.offset}-${call.offset + shown - 1}`;
  const response = json(call.counted && shown < total ? 206 : 200, body);
  response.headers.set("Content-Range", `${range}/${call.counted ? total : "*"}`);
  return response;
}

function orderBy(order: string | null): string {
  if (order === null) return "";
  const terms = order.split(",").map((term) => {
    const match = /^(\w+)\.(asc|desc)$/.exec(term);
    if (match === null) throw new Error(`this stand-in does not know the order ${term}`);
    return `"${match[1]}" ${match[2]}`;
  });
  return `order by ${terms.join(", ")}`;
}

/** The statuses that the gateway has for PostgreSQL's errors. */
function failed(error: PostgresError, role: Role): Response {
  const { code } = error;
  let status = 400;
  if (code === "42501") status = role === "anon" ? 401 : 403;
  else if (/^(?:08|53|57P)/.test(code)) status = 503;
  else if (code === "25006") status = 405;
  else if (/^(?:XX|58|57|40|55|P0)/.test(code)) status = 500;
  return refused(status, code, error.message);
}

function refused(status: number, code: string, message: string): Response {
  return Response.json({ code, message, details: null, hint: null }, { status });
}

function json(status: number, body: string): Response {
  return new Response(body, { status, headers: { "Content-Type": "application/json; charset=utf-8" } });
}
