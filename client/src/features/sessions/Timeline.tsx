import { useMemo, useState } from "react";
import { useRoving } from "../../components/useRoving.ts";
import { dayAndTime } from "../../lib/format.ts";
import type { StreamEvent } from "../../protocol/decode.ts";
import { sayMark, saySpan } from "./say.ts";
import { timeScale } from "./scale.ts";
import { type Lane, readLanes, readSpans } from "./spans.ts";
import { TimelineLegend } from "./TimelineLegend.tsx";

const LINE_HEIGHT = 20;
const LABEL_SHARE = 0.14;
const share = (value: number) => `${(value * 100).toFixed(3)}%`;

interface TimelineProps {
  events: readonly StreamEvent[];
  /** Kinds of subagents by id. */
  agentTypes: ReadonlyMap<string, string>;
}

/** Tool calls as bars over time, a lane for the session and one for each subagent. */
export function Timeline({ events, agentTypes }: TimelineProps) {
  const { lanes, marks, scale } = useMemo(() => {
    const { spans, marks } = readSpans(events);
    return { lanes: readLanes(spans), marks, scale: timeScale(spans, marks, LABEL_SHARE) };
  }, [events]);
  const [said, setSaid] = useState<string | null>(null);
  const { onKeyDown, place } = useRoving(marks.length > 0 ? "0:0" : "1:0");
  const tell = (text: string) => ({ onMouseEnter: () => setSaid(text), title: text });
  const spot = (text: string, row: number, column: number) => {
    const { onFocus, ...rest } = place(row, column);
    const focus = () => {
      onFocus();
      setSaid(text);
    };
    return { ...rest, ...tell(text), onFocus: focus, "aria-label": text };
  };
  const nameOf = ({ agentId }: Lane, row: number) =>
    agentId === null ? "Session" : `${row}. ${agentTypes.get(agentId) ?? "subagent"}`;

  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: a set of marks is no form */}
      <div
        className="timeline"
        role="group"
        aria-label="Timeline; arrow keys move from bar to bar"
        onKeyDown={onKeyDown}
      >
        <div className="lane-name">Moments</div>
        <div className="lane lane-marks">
          {scale.gaps.map(({ from, to }) => (
            <span key={from} className="gap" style={{ left: share(from), width: share(to - from) }} />
          ))}
          {marks.map((mark, index) => (
            <span
              key={mark.id}
              role="img"
              className={`mark type-${mark.event.type}`}
              style={{ left: share(scale.place(mark.at)) }}
              {...spot(sayMark(mark), 0, index)}
            />
          ))}
        </div>
        {lanes.map((lane, row) => (
          <LaneRow key={lane.agentId ?? ""} name={nameOf(lane, row)}>
            <div className="lane" style={{ height: lane.lines * LINE_HEIGHT + 8 }}>
              {scale.gaps.map(({ from, to }) => (
                <span key={from} className="gap" style={{ left: share(from), width: share(to - from) }} />
              ))}
              {lane.spans.map(({ span, line }, index) => {
                const left = scale.place(span.start);
                const width = scale.place(span.end) - left;
                const style = { left: share(left), width: share(width), top: 4 + line * LINE_HEIGHT };
                return (
                  <span
                    key={span.id}
                    role="img"
                    className={`bar bar-${span.outcome}`}
                    style={style}
                    {...spot(saySpan(span), row + 1, index)}
                  >
                    {width > 0.06 && span.tool}
                  </span>
                );
              })}
            </div>
          </LaneRow>
        ))}
        <div className="lane-name" />
        <div className="lane axis" aria-hidden="true">
          {scale.labels.map(({ at, place }) => (
            <span key={at} style={{ left: share(place) }}>
              {dayAndTime(at)}
            </span>
          ))}
        </div>
      </div>
      <div className="timeline-foot">
        <p className="readout" aria-live="polite">
          {said ?? "Point at a bar, or move with the arrow keys, to see what it was."}
        </p>
        <TimelineLegend marks={marks} />
      </div>
    </>
  );
}

function LaneRow({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <>
      <div className="lane-name" title={name}>
        {name}
      </div>
      {children}
    </>
  );
}
