import { type ReactNode, useEffect, useRef } from "react";
import { Dialog } from "../../components/Dialog.tsx";
import { Actions } from "./Actions.tsx";
import { Problem } from "./Problem.tsx";
import { useChange } from "./useAdmin.ts";

interface ConfirmProps {
  title: string;
  /** The word on the button. */
  action: string;
  /** What happens, in words. */
  children: ReactNode;
  run(): Promise<unknown>;
  onClose(): void;
}

/** Asks before something is taken away, and says what that is. */
export function Confirm({ title, action, children, run, onClose }: ConfirmProps) {
  const done = useRef(false);
  const change = useChange(run, () => {
    done.current = true;
    onClose();
  });
  // the button that asked is gone with what it was for, and nothing behind an open dialog takes the focus
  useEffect(() => () => void (done.current && document.getElementById("main")?.focus()), []);
  return (
    <Dialog title={title} onClose={onClose}>
      <div className="said">{children}</div>
      <Problem error={change.error} />
      <Actions
        action={action}
        isDanger
        isBusy={change.isPending}
        onCancel={onClose}
        onAct={() => change.mutate()}
      />
    </Dialog>
  );
}
