import { type FormEvent, useState } from "react";
import { type Invitation, invitation } from "./enrolment.ts";
import { Invited } from "./Invited.tsx";
import { Problem } from "./Problem.tsx";
import { adminApi, useChange, useSources } from "./useAdmin.ts";

const focusNow = (input: HTMLInputElement | null) => input?.focus();

interface AddMachineProps {
  /** What it is to be called, where that is known. */
  name: string;
  onClose(): void;
  onJoined(name: string): void;
}

/** Lets a machine join: asks for its name, shows the command to paste there, and waits for it. */
export function AddMachine({ name: proposed, onClose, onJoined }: AddMachineProps) {
  const [name, setName] = useState(proposed);
  const [invited, setInvited] = useState<Invitation | null>(null);
  const { data } = useSources(true);
  const sources = data?.sources ?? [];
  const enrol = useChange(async (source: string) => {
    setInvited(invitation(await adminApi.enrol(source), sources, Date.now()));
  });

  function submit(event: FormEvent) {
    event.preventDefault();
    enrol.mutate(name.trim());
  }

  if (invited) {
    return (
      <Invited
        invited={invited}
        sources={sources}
        again={{ run: () => enrol.mutate(invited.source), busy: enrol.isPending, error: enrol.error }}
        onClose={onClose}
        onJoined={onJoined}
      />
    );
  }
  return (
    <form className="add form" aria-label="Add a machine" onSubmit={submit}>
      <label>
        What is the machine to be called?
        <input
          ref={focusNow}
          type="text"
          required
          maxLength={128}
          autoComplete="off"
          placeholder="laptop"
          value={name}
          onChange={({ target }) => setName(target.value)}
        />
      </label>
      <div className="add-actions">
        <button type="submit" className="primary" disabled={enrol.isPending}>
          Show the command
        </button>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
      </div>
      <Problem error={enrol.error} />
    </form>
  );
}
