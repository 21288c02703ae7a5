// The database behind its two functions; the one module that knows the client library.

import { createClient } from "@supabase/supabase-js";
import type { DatabaseConfig } from "./config.ts";
import { logFault } from "./log.ts";
import { Problem } from "./problem.ts";

/** An event as the database's function takes it. */
export interface NewEvent {
  id: string;
  source: string;
  timestamp: string;
  eventType: string;
  payload: unknown;
}

/** Events of one source in one UTC hour. */
export interface HourlyRow {
  source: string;
  date: string;
  hour: number;
  event_count: number;
}

/** Some rows of an answer, and how many there are in all. */
export interface Page {
  rows: HourlyRow[];
  total: number;
}

/** What the functions ask of the database. Both reject with a `Problem`. */
export interface Database {
  /** Stores events once; answers how many were new, once they are durable. */
  insert(events: readonly NewEvent[]): Promise<number>;
  /** Rows from `offset` on, newest hour first, as many as the platform hands out at a time. */
  hourly(days: number, source: string | undefined, offset: number): Promise<Page>;
}

/** Longest time one call may take, in milliseconds. */
const PATIENCE_MS = 20_000;
/** Most rows that are asked for at a time; the platform may hand out fewer. */
const PAGE_ROWS = 1000;

/** Reaches the database as the service role, which alone may call the functions. */
export function openDatabase(config: DatabaseConfig): Database {
  const client = createClient(config.url, config.serviceKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
  });
  return {
    async insert(events) {
      const call = client.rpc("bulk_insert_events", { events_json: events });
      const { data } = settled(
        "bulk_insert_events",
        await call.abortSignal(AbortSignal.timeout(PATIENCE_MS)),
      );
      if (typeof data !== "number") throw Problem.internal();
      return data;
    },
    async hourly(days, source, offset) {
      const parameters = { days_back: days, source_filter: source ?? null };
      const call = client.rpc("get_hourly_aggregates", parameters, { count: "exact" })
        .order("date", { ascending: false })
        .order("hour", { ascending: false })
        .order("source", { ascending: true })
        .range(offset, offset + PAGE_ROWS - 1);
      const answer = await call.abortSignal(AbortSignal.timeout(PATIENCE_MS));
      // rows went while they were read, and there are none behind this place any more
      if (answer.error?.code === "PGRST103") return { rows: [], total: 0 };
      const { data, count } = settled("get_hourly_aggregates", answer);
      if (!Array.isArray(data) || count === null) throw Problem.internal();
      return { rows: data, total: count };
    },
  };
}

interface Answer {
  /** Where the gateway itself failed there is no code. */
  error: { code?: string; message: string } | null;
  status: number;
}

function settled<T extends Answer>(name: string, answer: T): T {
  if (answer.error === null) return answer;
  const { code = "", message } = answer.error;
  logFault("the database refused a call", { function: name, status: answer.status, code, reason: message });
  throw passes(answer.status, code) ? Problem.unavailable() : Problem.internal();
}

/**
 * Classes of SQLSTATE that say the database is away, busy or full for the moment: connection, rollback,
 * read-only (which a full disk makes it here), resources, intervention by the operator, locks.
 */
const PASSING = /^(?:08|40|25006|53|57|55P03)/;

/** Whether the same call can succeed later. Without a status the database was not reached at all. */
function passes(status: number, code: string): boolean {
  return status === 0 || (code === "" ? status >= 500 : PASSING.test(code) || /^PGRST00[0-3]$/.test(code));
}
