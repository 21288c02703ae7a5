import { EVENT_TYPES } from "../../protocol/decode.ts";
import { TYPE_NAMES } from "../../protocol/describe.ts";
import type { Mark } from "./spans.ts";

/** What the colours of the moments stand for, those that are there; each moment says it in words as well. */
export function TimelineLegend({ marks }: { marks: readonly Mark[] }) {
  const there = new Set(marks.map(({ event }) => event.type));
  return (
    <p className="legend timeline-legend" aria-hidden="true">
      {EVENT_TYPES.filter((type) => there.has(type)).map((type) => (
        <span key={type}>
          <span className={`mark type-${type}`} />
          {TYPE_NAMES[type]}
        </span>
      ))}
    </p>
  );
}
