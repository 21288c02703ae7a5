import { decodeEvent, type StreamEvent } from "../protocol/decode.ts";
import type {
  Breakdowns,
  BreakdownsQuery,
  Capabilities,
  Counts,
  CountsQuery,
  EventPage,
  EventsQuery,
  Session,
  SessionPage,
  SessionsQuery,
  Ticket,
  Totals,
} from "../protocol/generated.ts";

/** Longest time an answer may take. */
const DEADLINE_MS = 5000;

/** The server answered, but not with what was asked for. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The token is missing or not the right one. */
export const isRefused = (error: unknown): boolean => error instanceof ApiError && error.status === 401;

/** A page of events, oldest first, as the stream shows them. */
export interface Page {
  events: StreamEvent[];
  older: string | null;
  newer: string | null;
}

export interface Api {
  capabilities(signal?: AbortSignal): Promise<Capabilities>;
  ticket(): Promise<Ticket>;
  totals(signal?: AbortSignal): Promise<Totals>;
  events(query: EventsQuery, signal?: AbortSignal): Promise<Page>;
  sessions(query: SessionsQuery, signal?: AbortSignal): Promise<SessionPage>;
  session(id: string, source: string, signal?: AbortSignal): Promise<Session>;
  counts(query: CountsQuery, signal?: AbortSignal): Promise<Counts>;
  breakdowns(query: BreakdownsQuery, signal?: AbortSignal): Promise<Breakdowns>;
}

export interface Transport {
  /** Where the page stands; every address is relative to it. */
  base: string;
  token(): string | null;
  fetch: typeof fetch;
}

/** The server's routes under `/api/v1`. */
export function createApi({ base, token, fetch }: Transport): Api {
  async function call<T>(path: string, query: object = {}, signal?: AbortSignal, method = "GET"): Promise<T> {
    const address = new URL(`api/v1/${path}`, base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) address.searchParams.set(name, String(value));
    }
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    const bearer = token();
    const answer = await fetch(address, {
      method,
      cache: "no-store",
      headers: bearer ? { Authorization: `Bearer ${bearer}` } : {},
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    });
    if (!answer.ok) throw new ApiError(answer.status, await reason(answer));
    return (await answer.json()) as T;
  }

  return {
    capabilities: (signal) => call("capabilities", {}, signal),
    ticket: () => call("ticket", {}, undefined, "POST"),
    totals: (signal) => call("totals", {}, signal),
    events: async (query, signal) => readPage(await call<EventPage>("events", query, signal)),
    sessions: (query, signal) => call("sessions", query, signal),
    session: (id, source, signal) => call(`sessions/${encodeURIComponent(id)}`, { source }, signal),
    counts: (query, signal) => call("counts", query, signal),
    breakdowns: (query, signal) => call("breakdowns", query, signal),
  };
}

function readPage({ events, older, newer }: EventPage): Page {
  const read = events.map(decodeEvent).filter((event) => event !== null);
  return { events: read.reverse(), older, newer };
}

async function reason(answer: Response): Promise<string> {
  try {
    const problem: unknown = await answer.json();
    if (typeof problem === "object" && problem !== null && "message" in problem)
      return String(problem.message);
  } catch {
    // no JSON: something between us and the server answered
  }
  return `The server answered ${answer.status}`;
}
