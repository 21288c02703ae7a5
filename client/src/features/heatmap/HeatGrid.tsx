import { useState } from "react";
import { useStore } from "zustand";
import { useRoving } from "../../components/useRoving.ts";
import { setFilter, streamStore } from "../../store/stream.ts";
import { type Cell, type Grid, sayCell } from "./cells.ts";
import { HeatCell } from "./HeatCell.tsx";
import { heat } from "./merge.ts";
import type { HeatView } from "./range.ts";

interface HeatGridProps {
  grid: Grid;
  view: HeatView;
  busy: boolean;
}

const HINTS: Record<HeatView, string> = {
  week: "Choose an hour to narrow everything to it.",
  month: "Choose an hour to narrow everything to it.",
  year: "Choose a day to narrow everything to it.",
  hours: "Choose an hour to narrow everything to the latest one.",
};

/** Where there is no room for all, the latest are in sight. */
function showLatest(element: HTMLDivElement | null) {
  if (element) element.scrollLeft = element.scrollWidth;
}

/** The cells, one stop of the tab key; what the one at hand holds stands below. */
export function HeatGrid({ grid, view, busy }: HeatGridProps) {
  const { from, to } = useStore(streamStore, ({ filter }) => filter);
  const [shown, setShown] = useState<string | null>(null);
  const lastRow = grid.rows.length - 1;
  const first = view === "year" ? `0:${grid.heads.length - 1}` : `${lastRow}:0`;
  const { onKeyDown, place } = useRoving(first);
  const cells = new Map(grid.rows.flatMap(({ columns }) => columns.flat().map((cell) => [cell.key, cell])));
  const said = shown === null ? undefined : cells.get(shown);
  const isChosen = (cell: Cell) => cell.start === from && cell.end === to;

  function choose(key: string) {
    const cell = cells.get(key);
    if (!cell) return;
    setFilter(isChosen(cell) ? { from: null, to: null } : { from: cell.start, to: cell.end });
  }

  return (
    <>
      <div className="heat-scroll" ref={showLatest}>
        <table
          className={`heat heat-${view}`}
          aria-busy={busy}
          aria-label="Events by time"
          onKeyDown={onKeyDown}
          onMouseLeave={() => setShown(null)}
        >
          <thead>
            <tr>
              <td />
              {grid.heads.map((head, column) => (
                <th key={column} scope="col">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {grid.rows.map(({ name, columns }, row) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                {columns.map((parts, column) => (
                  <td key={column} className={parts.length === 0 ? "never" : undefined}>
                    {parts.map((cell, part) => (
                      <HeatCell
                        key={cell.key}
                        id={cell.key}
                        label={sayCell(cell)}
                        step={heat(cell.count, grid.most)}
                        part={parts.length > 1 ? part : null}
                        chosen={isChosen(cell)}
                        {...place(row, column)}
                        onShow={setShown}
                        onChoose={choose}
                      />
                    ))}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="heat-foot">
        <p className="readout" aria-live="polite">
          {said ? sayCell(said) : HINTS[view]}
        </p>
        <p className="legend" aria-hidden="true">
          Less
          {[0, 1, 2, 3, 4].map((step) => (
            <span key={step} className={`heat-step h${step}`} />
          ))}
          More
        </p>
      </div>
    </>
  );
}
