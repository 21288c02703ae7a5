import { api } from "../../api/client.ts";
import type { Page } from "../../api/http.ts";
import type { EventFilter } from "../../protocol/filter.ts";
import type { EventsQuery } from "../../protocol/generated.ts";
import type { Older } from "../../store/log.ts";
import { changeLog, streamStore } from "../../store/stream.ts";

const PAGE = 500;

const moment = (at: number) => new Date(at).toISOString();

/** The filter as the server takes it. */
export function queryOf(filter: EventFilter): EventsQuery {
  const { source, project, type, tool, session, from, to } = filter;
  return {
    ...(source !== null && { source }),
    ...(project !== null && { project }),
    ...(type !== null && { type }),
    ...(tool !== null && { tool }),
    ...(session !== null && { session }),
    ...(from !== null && { from: moment(from) }),
    ...(to !== null && { to: moment(to) }),
  };
}

/** What to ask for to get the page that lies before all rows; null where there is none. */
export function olderQuery(filter: EventFilter, older: Older): EventsQuery | null {
  const base = { ...queryOf(filter), limit: PAGE };
  if (older.kind === "end") return null;
  if (older.kind === "cursor") return { ...base, before: older.cursor };
  return older.before === null ? base : { ...base, to: moment(older.before) };
}

/** Runs one page load at a time, and lets its result go where the filter has changed meanwhile. */
async function load(page: () => Promise<Page>, take: (page: Page) => void): Promise<void> {
  const { paging, filter } = streamStore.getState();
  if (paging === "loading") return;
  streamStore.setState({ paging: "loading" });
  try {
    const loaded = await page();
    if (streamStore.getState().filter !== filter) return;
    take(loaded);
    streamStore.setState({ paging: "idle" });
  } catch {
    if (streamStore.getState().filter === filter) streamStore.setState({ paging: "failed" });
  }
}

/** Loads the page that lies before the first row. */
export function loadOlder(): Promise<void> {
  const { log, filter } = streamStore.getState();
  const query = olderQuery(filter, log.older);
  if (!query) return Promise.resolve();
  return load(
    () => api.events(query),
    ({ events, older }) => {
      const { emptyPages } = streamStore.getState();
      changeLog((log) => log.prepend(events, older), { emptyPages: events.length > 0 ? 0 : emptyPages + 1 });
    },
  );
}

/** Loads what lies behind the last row, until the rows reach the present again. */
export function loadNewer(): Promise<void> {
  const { log, filter } = streamStore.getState();
  const last = log.last;
  if (log.attached || !last) return Promise.resolve();
  const base = queryOf(filter);
  return load(
    async () => {
      // a cursor is the server's to make: the page that ends with the last row has one
      const here = await api.events({ ...base, to: moment(last.at + 1), limit: 1 });
      if (here.newer === null) return here;
      return api.events({ ...base, after: here.newer, limit: PAGE });
    },
    ({ events, newer }) => changeLog((log) => log.append(events, newer === null)),
  );
}
