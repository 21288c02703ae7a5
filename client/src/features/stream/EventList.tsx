import { defaultRangeExtractor, type Range, useVirtualizer } from "@tanstack/react-virtual";
import { type MouseEvent, useEffect, useRef } from "react";
import { useStore } from "zustand";
import { useMedia } from "../../components/useMedia.ts";
import { serverStore } from "../../store/connection.ts";
import { MOST_EMPTY_PAGES, streamStore } from "../../store/stream.ts";
import { EventDialog } from "./EventDialog.tsx";
import { EventRow } from "./EventRow.tsx";
import { ListHead } from "./ListHead.tsx";
import { loadOlder } from "./paging.ts";
import { useSelection } from "./useSelection.ts";
import { useStick } from "./useStick.ts";

const HEAD_HEIGHT = 44;
/** So many rows before the first one the next page is asked for. */
const AHEAD = 30;

/** The rows at the end, as many as are in sight: there the view goes, but it is told so only after it was drawn. */
function lastRows({ startIndex, endIndex, overscan, count }: Range): number[] {
  const shift = count - 1 - endIndex;
  return defaultRangeExtractor({ startIndex: startIndex + shift, endIndex: count - 1, overscan, count });
}

/** The rows of the stream; only those in sight exist. */
export function EventList() {
  const { log, version, following, paging, text, loaded, emptyPages } = useStore(streamStore);
  const history = useStore(serverStore, (state) => state.history);
  const scroller = useRef<HTMLDivElement>(null);
  const rowHeight = useMedia("(max-width: 720px)") ? 54 : 34;
  const events = log.shown;
  const virtualizer = useVirtualizer({
    count: events.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    paddingStart: HEAD_HEIGHT,
    overscan: 6,
    rangeExtractor: following ? lastRows : defaultRangeExtractor,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: all rows have another height now
  useEffect(() => virtualizer.measure(), [rowHeight]);

  const { attached } = log;
  const onScroll = useStick({
    scroller,
    events,
    version,
    following,
    attached,
    rowHeight,
    paddingTop: HEAD_HEIGHT,
  });
  const { active, opened, open, close, onKeyDown } = useSelection(events, (index) =>
    virtualizer.scrollToIndex(index, { align: "auto" }),
  );

  const rows = virtualizer.getVirtualItems();
  const unasked = text === "" && emptyPages < MOST_EMPTY_PAGES;
  const wanted = history === true && loaded && paging === "idle" && unasked && log.older.kind !== "end";
  const nearTop = (rows[0]?.index ?? 0) < AHEAD && !(following && events.length > AHEAD * 2);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a page may bring nothing that is shown, then the next one is needed
  useEffect(() => {
    if (wanted && nearTop) void loadOlder();
  }, [wanted, nearTop, version]);

  const onClick = ({ target }: MouseEvent) =>
    open(
      target instanceof Element
        ? (target.closest<HTMLElement>("[data-id]")?.dataset.id ?? undefined)
        : undefined,
    );

  return (
    <>
      <div
        ref={scroller}
        className="rows"
        role="listbox"
        aria-label="Events, newest last"
        aria-busy={!loaded}
        aria-activedescendant={active ? `row-${active.id}` : undefined}
        tabIndex={0}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
        onClick={onClick}
      >
        {(loaded || events.length > 0) && (
          <div className="rows-inner" role="presentation" style={{ height: virtualizer.getTotalSize() }}>
            <ListHead />
            {rows.map(({ index, start }) => {
              const event = events[index];
              // a row's element is used again for another event rather than made anew
              return event ? (
                <EventRow
                  key={index % rows.length}
                  event={event}
                  top={start}
                  height={rowHeight}
                  position={index + 1}
                  total={events.length}
                  active={event === active}
                />
              ) : null;
            })}
          </div>
        )}
      </div>
      {opened && <EventDialog event={opened} onClose={close} />}
    </>
  );
}
