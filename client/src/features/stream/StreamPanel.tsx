import { useStore } from "zustand";
import { Icon } from "../../components/Icon.tsx";
import { Notice } from "../../components/Notice.tsx";
import { count, plural } from "../../lib/format.ts";
import { isEverything } from "../../protocol/filter.ts";
import { clearFilter, follow, setText, streamStore } from "../../store/stream.ts";
import { EventList } from "./EventList.tsx";

/** The live stream with its search and the way back to the newest event. */
export function StreamPanel() {
  const { log, following, unseen, text, loaded, missed, filter, paging } = useStore(streamStore);
  const shown = log.shown.length;
  const narrowed = text !== "" || !isEverything(filter);
  return (
    <section className="panel stream" aria-label="Live stream">
      <header className="stream-head">
        <label className="search">
          <Icon name="search" />
          <span className="hidden">Search in the events that are loaded</span>
          <input
            type="search"
            value={text}
            placeholder="Search"
            onChange={({ target }) => setText(target.value)}
          />
        </label>
        <span className="stream-count">
          {loaded && (text === "" ? `${count(shown)} loaded` : `${count(shown)} found`)}
        </span>
      </header>
      {missed && <p className="stream-gap">Some events were missed while the connection was away.</p>}
      <div className="stream-body">
        <EventList />
        {loaded && shown === 0 && paging !== "loading" && (
          <Notice icon="live" title={narrowed ? "Nothing here fits" : "Quiet right now"}>
            <p>
              {narrowed
                ? "New events that fit appear here by themselves."
                : "Events appear here the moment a monitor sends them."}
            </p>
            {!isEverything(filter) && (
              <button type="button" onClick={clearFilter}>
                Show everything
              </button>
            )}
          </Notice>
        )}
        {!following && (
          <button type="button" className="jump primary" onClick={follow}>
            <Icon name="down" />
            {unseen > 0 ? plural(unseen, "new event") : "Jump to live"}
          </button>
        )}
      </div>
    </section>
  );
}
