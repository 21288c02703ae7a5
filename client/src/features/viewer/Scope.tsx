import { useStore } from "zustand";
import { serverStore } from "../../store/connection.ts";
import { sayScope } from "./say.ts";

/** Says which sources the page shows where the token does not open all of them; the whole list on request. */
export function Scope() {
  const sources = useStore(serverStore, ({ viewer }) => viewer?.sources ?? null);
  const said = sayScope(sources);
  if (sources === null || said === null) return null;
  return (
    <>
      <button type="button" className="quiet scope" popoverTarget="scope">
        <span>{said}</span>
      </button>
      <div id="scope" popover="auto" className="popover scope-list">
        <p className="dim">{sources.length > 0 ? "Your token shows" : "Your token shows no source yet."}</p>
        <ul>
          {sources.map((source) => (
            <li key={source}>{source}</li>
          ))}
        </ul>
      </div>
    </>
  );
}
