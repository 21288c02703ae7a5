import { type ReactNode, useEffect, useRef } from "react";
import { Dialog, focusFirst } from "../../components/Dialog.tsx";
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
      <div className="dialog-actions">
        <button type="button" ref={focusFirst} onClick={onClose}>
          Cancel
        </button>
        <button type="button" className="danger" disabled={change.isPending} onClick={() => change.mutate()}>
          {action}
        </button>
      </div>
    </Dialog>
  );
}
