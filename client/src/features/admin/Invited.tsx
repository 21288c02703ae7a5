import { useEffect, useRef } from "react";
import { Copyable } from "../../components/Copyable.tsx";
import { useNow } from "../../components/useNow.ts";
import type { RegisteredSource } from "../../protocol/generated.ts";
import { hasJoined, type Invitation, timeLeft } from "./enrolment.ts";
import { Problem } from "./Problem.tsx";

interface InvitedProps {
  invited: Invitation;
  sources: readonly RegisteredSource[];
  /** Makes another code for the same name. */
  again: { run(): void; busy: boolean; error: unknown };
  onClose(): void;
  onJoined(name: string): void;
}

/** The command to paste on a machine, until that has joined. */
export function Invited({ invited, sources, again, onClose, onJoined }: InvitedProps) {
  const { source, command, until } = invited;
  const left = timeLeft(until, useNow(Date.now, 250));
  const joined = hasJoined(invited, sources);
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  useEffect(() => {
    if (joined) onJoined(source);
  }, [joined, source, onJoined]);
  return (
    <section className="add" aria-labelledby="invited">
      <h3 id="invited" ref={title} tabIndex={-1}>
        Paste this on {source}
      </h3>
      <Copyable text={command} />
      <p className="add-wait">
        {left !== null && <span className="pill-dot" aria-hidden="true" />}
        <span role="status">
          {left === null ? "The command has run out." : `Waiting for ${source} to join.`}
        </span>
        {left !== null && (
          <span className="dim">
            The command works once, for <span role="timer">{left}</span>.
          </span>
        )}
      </p>
      <Problem error={again.error} />
      <div className="add-actions">
        {left === null && (
          <button type="button" className="primary" disabled={again.busy} onClick={again.run}>
            Make a new one
          </button>
        )}
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
    </section>
  );
}
