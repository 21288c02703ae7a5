import { Dialog } from "../../components/Dialog.tsx";
import { duration, fullTime } from "../../lib/format.ts";
import type { StreamEvent } from "../../protocol/decode.ts";
import { headline, TYPE_NAMES } from "../../protocol/describe.ts";
import { hrefOf } from "../../store/route.ts";
import { setFilter } from "../../store/stream.ts";

/** All that is known of an event. It is little by design: nothing else ever left the machine it happened on. */
export function EventDialog({ event, onClose }: { event: StreamEvent; onClose(): void }) {
  const facts: [string, string | null][] = [
    ["Time", fullTime(event.at)],
    ["Type", TYPE_NAMES[event.type]],
    ["State", event.state],
    ["Tool", event.tool],
    ["File", event.context],
    ["Success", event.success === null ? null : event.success ? "yes" : "no"],
    ["Duration", event.durationMs === null ? null : duration(event.durationMs)],
    ["Category", event.category],
    ["Subagent", [event.agentType, event.agentId].filter(Boolean).join(" ") || null],
    ["Project", event.project],
    ["Source", event.source],
    ["Session", event.session || null],
    ["Event", event.id],
  ];
  function only() {
    setFilter({ session: event.session });
    onClose();
  }
  return (
    <Dialog title={`${TYPE_NAMES[event.type]}: ${headline(event)}`} onClose={onClose}>
      <dl className="facts">
        {facts.map(
          ([name, value]) =>
            value !== null && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
      {event.session && (
        <p className="dialog-actions">
          <button type="button" onClick={only}>
            Only this session
          </button>
          <a
            className="button primary"
            href={hrefOf({ view: "session", source: event.source, id: event.session })}
            onClick={onClose}
          >
            Open the session
          </a>
        </p>
      )}
    </Dialog>
  );
}
