import type { StreamEvent } from "./decode.ts";
import type { EventType } from "./generated.ts";

/** Which events a person wants to see; null where any will do. */
export interface EventFilter {
  source: string | null;
  project: string | null;
  type: EventType | null;
  tool: string | null;
  session: string | null;
  /** The first moment and the first that is too late, in milliseconds. */
  from: number | null;
  to: number | null;
}

export const EVERYTHING: EventFilter = {
  source: null,
  project: null,
  type: null,
  tool: null,
  session: null,
  from: null,
  to: null,
};

const isOr = (wanted: string | null, value: string | null) => wanted === null || wanted === value;

/** Whether the filter lets this event through. */
export function matches(filter: EventFilter, event: StreamEvent): boolean {
  return (
    isOr(filter.source, event.source) &&
    isOr(filter.project, event.project) &&
    isOr(filter.type, event.type) &&
    isOr(filter.tool, event.tool) &&
    isOr(filter.session, event.session) &&
    (filter.from === null || event.at >= filter.from) &&
    (filter.to === null || event.at < filter.to)
  );
}

/** Whether the filter lets everything through. */
export const isEverything = (filter: EventFilter): boolean =>
  Object.values(filter).every((value) => value === null);
