import { focusFirst } from "../../components/Dialog.tsx";

interface ActionsProps {
  /** The word on the button that acts. */
  action: string;
  /** Something is taken away by it. */
  isDanger?: boolean;
  isBusy: boolean;
  onCancel(): void;
  /** Without it the button submits its form, whose first field has the focus. */
  onAct?(): void;
}

/** The end of a dialog: leave it, or do what it asks about. */
export function Actions({ action, isDanger = false, isBusy, onCancel, onAct }: ActionsProps) {
  return (
    <div className="dialog-actions">
      <button type="button" ref={onAct && focusFirst} onClick={onCancel}>
        Cancel
      </button>
      <button
        type={onAct ? "button" : "submit"}
        className={isDanger ? "danger" : "primary"}
        disabled={isBusy}
        onClick={onAct}
      >
        {action}
      </button>
    </div>
  );
}
