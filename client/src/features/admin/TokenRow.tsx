import { Icon } from "../../components/Icon.tsx";
import type { ViewerToken } from "../../protocol/generated.ts";
import { Fact } from "./Fact.tsx";
import { Moment } from "./Moment.tsx";
import { hasEnded, sayScope } from "./tokens.ts";

interface TokenRowProps {
  token: ViewerToken;
  /** Whether this page uses it. */
  own: boolean;
  now: number;
  onAsk(what: "rotate" | "revoke"): void;
}

/** One token, with what can be done to it. */
export function TokenRow({ token, own, now, onAsk }: TokenRowProps) {
  const { name, admin, created, expires, lastUsed } = token;
  const ended = hasEnded(token, now);
  return (
    <li className="entry">
      <div className="entry-head">
        <span className={admin ? "state state-active" : "state"}>
          <Icon name={admin ? "key" : "activity"} />
          {admin ? "Admin" : "Viewer"}
        </span>
        <h3>{name}</h3>
        {own && <span className="tag">In use here</span>}
        <div className="entry-actions">
          <button type="button" className="quiet" onClick={() => onAsk("rotate")}>
            Rotate<span className="hidden"> {name}</span>
          </button>
          <button type="button" className="quiet" onClick={() => onAsk("revoke")}>
            Revoke<span className="hidden"> {name}</span>
          </button>
        </div>
      </div>
      <dl className="entry-facts">
        <Fact name="Last used">
          {lastUsed === null ? (
            <span className="dim">Not yet</span>
          ) : (
            <Moment at={lastUsed} now={now} grain="minute" />
          )}
        </Fact>
        <Fact name="Made">
          <Moment at={created} now={now} />
        </Fact>
        <Fact name={ended ? "Ended" : "Ends"}>
          {expires === null ? (
            <span className="dim">Never</span>
          ) : (
            <span className={ended ? "wrong" : undefined}>
              <Moment at={expires} now={now} />
            </span>
          )}
        </Fact>
        <Fact name="Shows">{sayScope(token)}</Fact>
      </dl>
    </li>
  );
}
