// `GET /query`: events per hour and source of the last 7 or 30 days.

import { type Lookup, readDatabase, readOrigins, readToken } from "../_shared/config.ts";
import { type Database, openDatabase } from "../_shared/db.ts";
import { type Serve, serve } from "../_shared/http.ts";
import { Problem } from "../_shared/problem.ts";
import type { Token } from "../_shared/token.ts";
import { hourlyAggregates } from "./aggregates.ts";

/** The function as it is configured; rejects with a `ConfigError`. */
export async function query(lookup: Lookup): Promise<Serve> {
  const token = await readToken(lookup);
  const database = openDatabase(readDatabase(lookup));
  return serve({
    method: "GET",
    headers: "Authorization, Content-Type",
    handle: (request) => handle(request, token, database),
  }, readOrigins(lookup));
}

async function handle(request: Request, token: Token, database: Database): Promise<Response> {
  await token.check(request.headers);
  const parameters = new URL(request.url).searchParams;
  const daysRequested = days(parameters.get("days"));
  const aggregates = await hourlyAggregates(database, daysRequested, parameters.get("source") || undefined);
  const meta = { totalCount: aggregates.length, daysRequested, fetchedAt: new Date().toISOString() };
  return Response.json({ aggregates, meta });
}

function days(text: string | null): number {
  if (text === null || text === "7") return 7;
  if (text === "30") return 30;
  throw new Problem("invalid_days", "days parameter must be 7 or 30");
}
