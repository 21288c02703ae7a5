import type { RegisteredSource } from "../../protocol/generated.ts";
import { Fact } from "./Fact.tsx";
import { Moment } from "./Moment.tsx";
import { type SourceState, sayKey, stateOf } from "./sources.ts";

const STATES: Record<SourceState, string> = {
  active: "Active",
  quiet: "Quiet",
  new: "New",
  revoked: "Revoked",
};

/** What can be asked of a source. */
export type Asked = "add" | "rename" | "revoke";

interface SourceRowProps {
  source: RegisteredSource;
  now: number;
  /** Whether it has just joined. */
  fresh: boolean;
  onAsk(what: Asked): void;
}

/** One source, with what can be done to it. */
export function SourceRow({ source, now, fresh, onAsk }: SourceRowProps) {
  const { name, configured, keys, revoked, lastSeen, lastEvent, version } = source;
  const state = stateOf(source, now);
  const moment = (at: string | null) =>
    at === null ? <span className="dim">Not yet</span> : <Moment at={at} now={now} />;
  return (
    <li className={fresh ? "entry fresh" : "entry"}>
      <div className="entry-head">
        <span className={`state state-${state}`}>
          <span className="state-dot" aria-hidden="true" />
          {STATES[state]}
        </span>
        <h3>{name}</h3>
        <div className="entry-actions">
          {configured && <span className="dim">Set in the server's configuration</span>}
          {!configured && revoked !== null && (
            <button type="button" className="quiet" onClick={() => onAsk("add")}>
              Add again<span className="hidden"> {name}</span>
            </button>
          )}
          {!configured && revoked === null && (
            <>
              <button type="button" className="quiet" onClick={() => onAsk("rename")}>
                Rename<span className="hidden"> {name}</span>
              </button>
              <button type="button" className="quiet" onClick={() => onAsk("revoke")}>
                Revoke<span className="hidden"> {name}</span>
              </button>
            </>
          )}
        </div>
      </div>
      <dl className="entry-facts">
        <Fact name="Last seen">{moment(lastSeen)}</Fact>
        <Fact name="Last event">{moment(lastEvent)}</Fact>
        <Fact name="Monitor">{version ?? <span className="dim">Unknown</span>}</Fact>
        {revoked === null ? (
          <Fact name={keys.length < 2 ? "Key" : "Keys"}>
            {keys.length === 0 && <span className="dim">None in force</span>}
            <ul>
              {keys.map((key) => (
                <li key={key.fingerprint} className="key">
                  <code>{key.fingerprint}</code> <span className="dim">{sayKey(key, now)}</span>
                </li>
              ))}
            </ul>
          </Fact>
        ) : (
          <Fact name="Revoked">{moment(revoked)}</Fact>
        )}
      </dl>
    </li>
  );
}
