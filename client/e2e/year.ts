import type { WireEvent, World } from "./world.ts";

const DAY_MS = 24 * 3_600_000;
const YEAR_MS = 365 * DAY_MS;
const BATCH = 1000;
/** Events of a session, and how far they lie apart. */
const PER_SESSION = 2500;
const APART_MS = 3000;
const TOOLS = [
  "Bash",
  "Read",
  "Edit",
  "Grep",
  "Write",
  "Glob",
  "Task",
  "WebFetch",
  "TodoWrite",
  "NotebookEdit",
];
const PROJECTS = 40;

/** The machines of a year; the world must know them. */
export const YEAR_SOURCES = ["desk", "laptop", "builder", "cloud-1", "cloud-2"];

/** One of a list, by a number. */
const pick = (list: readonly string[], number: number): string => list[number % list.length] ?? "";

/** The event of that number in a session: mostly calls of tools with their results, now and then something else. */
function eventOf(number: number, session: number, start: number): WireEvent {
  const place = number % PER_SESSION;
  const base = {
    id: `evt_y${number.toString(36).padStart(19, "0")}`,
    source: pick(YEAR_SOURCES, session),
    timestamp: new Date(start + place * APART_MS).toISOString(),
  };
  const sessionId = `00000000-0000-4000-8000-${session.toString().padStart(12, "0")}`;
  const common = { sessionId, project: `project-${(session * 7) % PROJECTS}` };
  if (place === 0) return { ...base, type: "session", payload: { ...common, action: "started" } };
  if (place === PER_SESSION - 1) return { ...base, type: "session", payload: { ...common, action: "ended" } };
  if (place % 50 === 0) return { ...base, type: "activity", payload: common };
  const call = place >> 1;
  const tool = { tool: pick(TOOLS, call * (session + 3)), context: `file${call % 97}.rs` };
  const success = call % 23 !== 0;
  const stand =
    place % 2 === 1 ? { status: "started" } : { status: "completed", success, durationMs: APART_MS };
  return { ...base, type: "tool", payload: { ...common, ...tool, ...stand } };
}

/** Stores so many events, in sessions spread evenly over the year that ends now; gives back the last one's id. */
export async function fillYear(world: World, many: number): Promise<string> {
  const sessions = Math.ceil(many / PER_SESSION);
  const lasts = PER_SESSION * APART_MS;
  const began = Date.now() - YEAR_MS;
  const startOf = (session: number) =>
    began + (sessions === 1 ? 1 : session / (sessions - 1)) * (YEAR_MS - lasts);
  let last = "";
  for (let sent = 0; sent < many; ) {
    const session = Math.floor(sent / PER_SESSION);
    const size = Math.min(BATCH, (session + 1) * PER_SESSION - sent, many - sent);
    const first = sent;
    const events = Array.from({ length: size }, (_, index) =>
      eventOf(first + index, session, startOf(session)),
    );
    await world.send(events, "ingest");
    sent += size;
    last = events.at(-1)?.id ?? last;
  }
  return last;
}
