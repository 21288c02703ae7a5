import { useState } from "react";
import { Icon } from "./Icon.tsx";

/** A command to be typed elsewhere, with a button that copies it. */
export function Copyable({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  async function copy() {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  }
  return (
    <div className="copyable">
      <code>{text}</code>
      {navigator.clipboard && (
        <button type="button" className="quiet" onClick={() => void copy().catch(() => setCopied(false))}>
          <Icon name={copied ? "check" : "copy"} />
          <span role="status">{copied ? "Copied" : "Copy"}</span>
        </button>
      )}
    </div>
  );
}
