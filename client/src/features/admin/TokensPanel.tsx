import { useState } from "react";
import { useStore } from "zustand";
import { Icon } from "../../components/Icon.tsx";
import { Panel } from "../../components/Panel.tsx";
import { useNow } from "../../components/useNow.ts";
import type { ViewerToken } from "../../protocol/generated.ts";
import { serverNow, serverStore } from "../../store/connection.ts";
import { Listing } from "./Listing.tsx";
import { NewToken } from "./NewToken.tsx";
import { RevokeToken } from "./RevokeToken.tsx";
import { RotateToken } from "./RotateToken.tsx";
import { TokenRow } from "./TokenRow.tsx";
import { useTokens } from "./useAdmin.ts";

/** What is asked for; it stays when the list changes, for it may hold a token that is shown once. */
type Asked = { what: "make" } | { what: "rotate" | "revoke"; token: ViewerToken; own: boolean };

interface TokensPanelProps {
  /** Goes on with the token that has replaced the one in use. */
  onReplaced(token: string): void;
  onSignOut(): void;
}

/** Who may watch: every token, and the way to make one. */
export function TokensPanel({ onReplaced, onSignOut }: TokensPanelProps) {
  const query = useTokens();
  const now = useNow(serverNow, 1000);
  const own = useStore(serverStore, ({ viewer }) => viewer?.token ?? null);
  const [asked, setAsked] = useState<Asked | null>(null);
  const tokens = query.data?.tokens ?? [];
  const close = () => setAsked(null);
  return (
    <Panel
      title="Viewer tokens"
      tools={
        query.data && (
          <button type="button" onClick={() => setAsked({ what: "make" })}>
            <Icon name="plus" /> New token
          </button>
        )
      }
    >
      <p className="dim">Who may watch this dashboard. One for each person or device can be revoked alone.</p>
      {asked?.what === "make" && <NewToken onClose={close} />}
      {asked?.what === "rotate" && <RotateToken {...asked} onReplaced={onReplaced} onClose={close} />}
      {asked?.what === "revoke" && <RevokeToken {...asked} onSignOut={onSignOut} onClose={close} />}
      <Listing query={query} what="The tokens">
        {tokens.length < 2 && (
          <p className="hint">
            Nobody else has a token of their own yet. A new one opens the dashboard, or a part of it, and
            nothing else.
          </p>
        )}
        <ul className="entries">
          {tokens.map((token) => (
            <TokenRow
              key={token.id}
              token={token}
              own={token.id === own}
              now={now}
              onAsk={(what) => setAsked({ what, token, own: token.id === own })}
            />
          ))}
        </ul>
      </Listing>
    </Panel>
  );
}
