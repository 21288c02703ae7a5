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
  Viewer,
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
  viewer(signal?: AbortSignal): Promise<Viewer>;
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

/** What a request has besides its path; without a method it reads. */
interface Request {
  method?: "POST" | "PATCH" | "DELETE";
  query?: object;
  /** Sent as JSON. */
  body?: object;
  signal?: AbortSignal | undefined;
}

/** Asks one of the routes under `/api/v1`. */
export type Call = <T>(path: string, request?: Request) => Promise<T>;

export function createCall({ base, token, fetch }: Transport): Call {
  return async function call<T>(path: string, request: Request = {}): Promise<T> {
    const { method = "GET", query = {}, body, signal } = request;
    const address = new URL(`api/v1/${path}`, base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) address.searchParams.set(name, String(value));
    }
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    const bearer = token();
    const answer = await fetch(address, {
      method,
      cache: "no-store",
      headers: {
        ...(bearer !== null && { Authorization: `Bearer ${bearer}` }),
        ...(body && { "Content-Type": "application/json" }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    });
    // what a token was refused that was replaced meanwhile says nothing of the new one
    if (answer.status === 401 && bearer !== null && token() !== null && token() !== bearer)
      return call(path, request);
    if (!answer.ok) throw new ApiError(answer.status, await reason(answer));
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  };
}

/** The routes that everybody may ask who may watch. */
export function createApi(call: Call): Api {
  return {
    capabilities: (signal) => call("capabilities", { signal }),
    viewer: (signal) => call("viewer", { signal }),
    ticket: () => call("ticket", { method: "POST" }),
    totals: (signal) => call("totals", { signal }),
    events: async (query, signal) => readPage(await call<EventPage>("events", { query, signal })),
    sessions: (query, signal) => call("sessions", { query, signal }),
    session: (id, source, signal) =>
      call(`sessions/${encodeURIComponent(id)}`, { query: { source }, signal }),
    counts: (query, signal) => call("counts", { query, signal }),
    breakdowns: (query, signal) => call("breakdowns", { query, signal }),
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
