import { type FormEvent, useState } from "react";
import { Dialog, focusFirst } from "../../components/Dialog.tsx";
import { Actions } from "./Actions.tsx";
import { Problem } from "./Problem.tsx";
import { adminApi, useChange } from "./useAdmin.ts";

/** Asks for another name of a source. */
export function RenameSource({ name, onClose }: { name: string; onClose(): void }) {
  const [wanted, setWanted] = useState(name);
  const change = useChange((to: string) => adminApi.rename(name, to), onClose);

  function submit(event: FormEvent) {
    event.preventDefault();
    if (wanted.trim() === name) onClose();
    else change.mutate(wanted.trim());
  }

  return (
    <Dialog title={`Rename ${name}`} onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <label>
          New name
          <input
            ref={focusFirst}
            type="text"
            required
            maxLength={128}
            autoComplete="off"
            value={wanted}
            onChange={({ target }) => setWanted(target.value)}
          />
        </label>
        <div className="said">
          <p>It sends under the new name from now on. What it has sent keeps the old one.</p>
          <p>
            Set <code>source_id</code> in its monitor's configuration to the new name: until then this server
            takes nothing from it.
          </p>
        </div>
        <Problem error={change.error} />
        <Actions action="Rename it" isBusy={change.isPending} onCancel={onClose} />
      </form>
    </Dialog>
  );
}
