import { memo } from "react";
import { Icon } from "../../components/Icon.tsx";
import { duration, shortId } from "../../lib/format.ts";
import type { StreamEvent } from "../../protocol/decode.ts";
import { headline, outcome, TYPE_NAMES } from "../../protocol/describe.ts";
import { when } from "./when.ts";

interface RowProps {
  event: StreamEvent;
  top: number;
  height: number;
  position: number;
  total: number;
  active: boolean;
}

const OUTCOMES = { running: "started", ok: "done", failed: "failed" } as const;

/** One event on one line, or on two where there is little room. */
export const EventRow = memo(function EventRow({ event, top, height, position, total, active }: RowProps) {
  const result = outcome(event);
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus and names the active row
    <div
      role="option"
      id={`row-${event.id}`}
      className={`row type-${event.type}`}
      aria-selected={active}
      aria-posinset={position}
      aria-setsize={total}
      data-id={event.id}
      style={{ height, transform: `translateY(${top}px)` }}
    >
      <span className="row-time">{when(event.at)}</span>
      <span className="row-type">
        <Icon name={event.type} />
        <span>{TYPE_NAMES[event.type]}</span>
      </span>
      <span className="row-what">
        <span className="row-head">{headline(event)}</span>
        {event.context && <span className="row-context">{event.context}</span>}
      </span>
      <span className={`row-outcome outcome-${result ?? "none"}`}>
        {result && (result === "running" ? "started" : <Icon name={result === "ok" ? "check" : "cross"} />)}
        {result && result !== "running" && <span className="hidden">{OUTCOMES[result]}</span>}
        {event.durationMs !== null && duration(event.durationMs)}
      </span>
      <span className="row-project">{event.project}</span>
      <span className="row-source">{event.source}</span>
      <span className="row-session">{event.session && shortId(event.session)}</span>
    </div>
  );
});
