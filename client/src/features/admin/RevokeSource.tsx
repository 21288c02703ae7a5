import { Confirm } from "./Confirm.tsx";
import { adminApi } from "./useAdmin.ts";

/** Takes a source out of force. */
export function RevokeSource({ name, onClose }: { name: string; onClose(): void }) {
  return (
    <Confirm
      title={`Revoke ${name}?`}
      action="Revoke it"
      run={() => adminApi.revokeSource(name)}
      onClose={onClose}
    >
      <p>From its next request on, this server takes nothing more from {name}.</p>
      <p>What it has sent stays. To let it send again, add it again with a new command.</p>
    </Confirm>
  );
}
