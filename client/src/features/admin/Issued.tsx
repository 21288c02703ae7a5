import { useEffect, useRef } from "react";
import { Copyable } from "../../components/Copyable.tsx";
import { signInAddress } from "./tokens.ts";

/** A token that was just made, this once. */
export function Issued({ token, onClose }: { token: string; onClose(): void }) {
  const said = useRef<HTMLParagraphElement>(null);
  useEffect(() => said.current?.focus(), []);
  return (
    <>
      <div className="said issued">
        <p ref={said} tabIndex={-1}>
          <strong>It is shown this once.</strong> The server keeps only its hash: copy it before you close
          this.
        </p>
        <Copyable text={token} />
        <p className="dim">Or hand on the address that signs in with it:</p>
        <Copyable text={signInAddress(document.baseURI, token)} />
      </div>
      <div className="dialog-actions">
        <button type="button" className="primary" onClick={onClose}>
          I have copied it
        </button>
      </div>
    </>
  );
}
