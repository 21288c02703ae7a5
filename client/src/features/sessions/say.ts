import { duration, timeOfDay } from "../../lib/format.ts";
import { headline, TYPE_NAMES } from "../../protocol/describe.ts";
import type { Mark, Span } from "./spans.ts";

/** A tool call in one line. */
export function saySpan({ tool, context, start, end, outcome }: Span): string {
  const how =
    outcome === "open"
      ? "no result"
      : `${outcome === "ok" ? "done" : "failed"} after ${duration(end - start)}`;
  return [tool, context, `at ${timeOfDay(start)}`, how].filter(Boolean).join(", ");
}

/** Anything else that happened, in one line. */
export const sayMark = ({ at, event }: Mark): string =>
  `${TYPE_NAMES[event.type]}: ${headline(event)}, at ${timeOfDay(at)}`;
