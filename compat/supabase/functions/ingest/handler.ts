// `POST /ingest`: batches, stored and not broadcast.

import { type Lookup, readDatabase, readKeys, readOrigins } from "../_shared/config.ts";
import { type Database, openDatabase } from "../_shared/db.ts";
import { type Serve, serve } from "../_shared/http.ts";
import type { Keys } from "../_shared/keys.ts";
import { receive } from "../_shared/signed.ts";
import { parseBatch } from "./batch.ts";

/** The function as it is configured; rejects with a `ConfigError`. */
export async function ingest(lookup: Lookup): Promise<Serve> {
  const keys = await readKeys(lookup);
  const database = openDatabase(readDatabase(lookup));
  return serve({
    method: "POST",
    headers: "Content-Type, X-Source-ID, X-Signature",
    handle: (request) => handle(request, keys, database),
  }, readOrigins(lookup));
}

async function handle(request: Request, keys: Keys, database: Database): Promise<Response> {
  const { source, body } = await receive(request, keys);
  const events = parseBatch(body, source);
  const inserted = await database.insert(events);
  return Response.json({ inserted, message: sentence(events.length, inserted) });
}

function sentence(received: number, inserted: number): string {
  const skipped = received - inserted;
  const told = `Successfully processed ${received} events`;
  return skipped > 0 ? `${told} (${skipped} duplicates skipped)` : told;
}
