import { SourcesPanel } from "./SourcesPanel.tsx";
import { TokensPanel } from "./TokensPanel.tsx";
import { useSources, useTokens } from "./useAdmin.ts";
import "../../styles/admin.css";

interface AdminViewProps {
  /** Goes on with the token that has replaced the one in use. */
  onReplaced(token: string): void;
  onSignOut(): void;
}

/** Who may send and who may watch. Both lists come at once, so that neither pushes the other. */
export function AdminView(props: AdminViewProps) {
  const sources = useSources();
  const tokens = useTokens();
  if (!sources.isFetched || !tokens.isFetched) return <div className="placeholder tall" aria-hidden="true" />;
  return (
    <>
      <SourcesPanel />
      <TokensPanel {...props} />
    </>
  );
}
