import type { ViewerToken } from "../../protocol/generated.ts";
import { Confirm } from "./Confirm.tsx";
import { adminApi } from "./useAdmin.ts";

interface RevokeTokenProps {
  token: ViewerToken;
  /** Whether this page uses it. */
  own: boolean;
  onSignOut(): void;
  onClose(): void;
}

/** Takes a token out of force. */
export function RevokeToken({ token: { id, name }, own, onSignOut, onClose }: RevokeTokenProps) {
  async function revoke() {
    await adminApi.revokeToken(id);
    if (own) onSignOut();
  }
  return (
    <Confirm title={`Revoke the token ${name}?`} action="Revoke it" run={revoke} onClose={onClose}>
      <p>
        From the next request on it opens nothing. Pages that are open with it are closed within a minute.
      </p>
      {own && <p className="wrong">This page uses it: you are signed out at once.</p>}
    </Confirm>
  );
}
