import { useMemo, useState } from "react";
import { useStore } from "zustand";
import { useRoving } from "../../components/useRoving.ts";
import { count, plural, short } from "../../lib/format.ts";
import type { Counts } from "../../protocol/generated.ts";
import { setFilter, streamStore } from "../../store/stream.ts";
import { type DayColumn, dayChart } from "./days.ts";

const dates = new Intl.DateTimeFormat(undefined, {
  timeZone: "UTC",
  weekday: "short",
  day: "numeric",
  month: "short",
});
const dayNumbers = new Intl.DateTimeFormat(undefined, { timeZone: "UTC", day: "numeric", month: "short" });
const MOST_LABELS = 7;
const nameOf = ({ day }: DayColumn) => dates.format(Date.UTC(day.year, day.month - 1, day.day));
const share = (value: number) => `${(100 * value).toFixed(2)}%`;

function say(column: DayColumn): string {
  const parts = column.parts
    .filter((part) => part.count > 0)
    .map((part) => `${part.source} ${count(part.count)}`);
  return `${nameOf(column)}: ${plural(column.total, "event")}${parts.length > 1 ? ` (${parts.join(", ")})` : ""}`;
}

/** Events of each day, stacked by source; choosing a day filters to it. */
export function DayBars({ counts, zone }: { counts: Counts; zone: string }) {
  const { from, to } = useStore(streamStore, ({ filter }) => filter);
  const [shown, setShown] = useState<string | null>(null);
  const { sources, columns, ticks } = useMemo(
    () => dayChart(counts.counts ?? [], Date.parse(counts.meta.from), Date.parse(counts.meta.to), zone),
    [counts, zone],
  );
  const { onKeyDown, place } = useRoving(`0:${columns.length - 1}`);
  const step = Math.ceil(columns.length / MOST_LABELS);
  const said = columns.find(({ key }) => key === shown);
  return (
    <>
      <div className="days">
        <div className="days-ticks" aria-hidden="true">
          {ticks.map(({ value, place }) => (
            <span key={value} style={{ bottom: share(place) }}>
              {short(value)}
            </span>
          ))}
        </div>
        {/* biome-ignore lint/a11y/useSemanticElements: a set of bars is no form */}
        <div
          className="days-bars"
          role="group"
          aria-label="Events by day; arrow keys move from day to day"
          onKeyDown={onKeyDown}
          onMouseLeave={() => setShown(null)}
        >
          {columns.map((column, index) => {
            const { onFocus, ...rest } = place(0, index);
            const chosen = column.start === from && column.end === to;
            return (
              <button
                key={column.key}
                type="button"
                className="days-column"
                aria-label={say(column)}
                aria-pressed={chosen}
                {...rest}
                onFocus={() => {
                  onFocus();
                  setShown(column.key);
                }}
                onMouseEnter={() => setShown(column.key)}
                onClick={() =>
                  setFilter(chosen ? { from: null, to: null } : { from: column.start, to: column.end })
                }
              >
                {column.parts.map(({ source, from, to }) => (
                  <span
                    key={source}
                    className={`s${sources.indexOf(source)}`}
                    style={{ bottom: share(from), height: share(to - from) }}
                  />
                ))}
              </button>
            );
          })}
        </div>
      </div>
      <div className="days-axis" aria-hidden="true">
        {columns.map(
          (column, index) =>
            index % step === Math.floor(step / 2) && (
              <span key={column.key} style={{ left: share((index + 0.5) / columns.length) }}>
                {dayNumbers.format(Date.UTC(column.day.year, column.day.month - 1, column.day.day))}
              </span>
            ),
        )}
      </div>
      <p className="readout" aria-live="polite">
        {said ? say(said) : "Choose a day to narrow everything to it."}
      </p>
      <ul className="days-legend" aria-label="Sources">
        {sources.map((source, index) => (
          <li key={source}>
            <span className={`swatch s${index}`} aria-hidden="true" />
            {source}
          </li>
        ))}
      </ul>
    </>
  );
}
