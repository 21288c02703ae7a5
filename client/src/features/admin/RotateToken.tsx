import { Dialog } from "../../components/Dialog.tsx";
import type { ViewerToken } from "../../protocol/generated.ts";
import { Actions } from "./Actions.tsx";
import { Issued } from "./Issued.tsx";
import { Problem } from "./Problem.tsx";
import { adminApi, useChange } from "./useAdmin.ts";

interface RotateTokenProps {
  token: ViewerToken;
  /** Whether this page uses it. */
  own: boolean;
  onReplaced(token: string): void;
  onClose(): void;
}

/** Gives a token's place to a new one. */
export function RotateToken({ token: { id, name }, own, onReplaced, onClose }: RotateTokenProps) {
  const rotate = useChange(async () => {
    const { token } = await adminApi.rotateToken(id);
    if (own) onReplaced(token);
    return token;
  });
  if (rotate.data !== undefined) {
    return (
      <Dialog title={`The new token ${name}`} careful onClose={onClose}>
        <Issued token={rotate.data} onClose={onClose} />
      </Dialog>
    );
  }
  return (
    <Dialog title={`Rotate the token ${name}?`} onClose={onClose}>
      <div className="said">
        <p>You get a new one with the same rights. The old one opens nothing from then on.</p>
        <p>
          {own
            ? "This page uses it, and goes on with the new one."
            : "Whoever uses it needs the new one to go on."}
        </p>
      </div>
      <Problem error={rotate.error} />
      <Actions
        action="Rotate it"
        isBusy={rotate.isPending}
        onCancel={onClose}
        onAct={() => rotate.mutate()}
      />
    </Dialog>
  );
}
