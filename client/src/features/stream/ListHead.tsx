import { useStore } from "zustand";
import { serverStore } from "../../store/connection.ts";
import { MOST_EMPTY_PAGES, streamStore } from "../../store/stream.ts";
import { loadOlder } from "./paging.ts";

/** What stands before the first row: whether there is more, and how to get it. */
export function ListHead() {
  const { log, paging, text, loaded, emptyPages } = useStore(streamStore);
  const history = useStore(serverStore, (state) => state.history);
  const more = log.older.kind !== "end";
  const onRequest = text !== "" || emptyPages >= MOST_EMPTY_PAGES;
  return (
    <div className="rows-head" role="presentation">
      {history === false && "This server keeps no history: the list begins where the page was opened."}
      {history === true && !more && "The beginning of what is stored."}
      {history === true && more && paging === "failed" && (
        <>
          Earlier events could not be loaded.
          <button type="button" tabIndex={-1} onClick={() => void loadOlder()}>
            Retry
          </button>
        </>
      )}
      {history === true && more && paging !== "failed" && onRequest && (
        <button type="button" tabIndex={-1} disabled={paging === "loading"} onClick={() => void loadOlder()}>
          {paging === "loading" ? "Searching…" : "Search further back"}
        </button>
      )}
      {history === true && more && paging === "loading" && !onRequest && loaded && "Loading earlier events…"}
    </div>
  );
}
