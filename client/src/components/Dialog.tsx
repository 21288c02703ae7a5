import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { Icon } from "./Icon.tsx";

interface DialogProps {
  title: string;
  /** What it shows is gone with it: a click beside it is no reason to close. */
  careful?: boolean;
  onClose(): void;
  children: ReactNode;
}

/** Where the focus goes when a dialog opens that has this element; else to its first one. */
export const focusFirst = (element: HTMLElement | null) => element?.setAttribute("autofocus", "");

/** A modal dialog; the browser keeps the focus inside and closes it with Escape. */
export function Dialog({ title, careful = false, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  // closed while it is still in the page: only then does the focus go back to where it came from
  useLayoutEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard has Escape and the button
    <dialog
      ref={element}
      aria-labelledby={id}
      onClose={onClose}
      onClick={({ target }) => target === element.current && !careful && onClose()}
    >
      <div className="dialog-body">
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" className="quiet" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
