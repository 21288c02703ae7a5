import { type FormEvent, useState } from "react";
import { Choice } from "../../components/Choice.tsx";
import { Dialog, focusFirst } from "../../components/Dialog.tsx";
import { Actions } from "./Actions.tsx";
import { Issued } from "./Issued.tsx";
import { Problem } from "./Problem.tsx";
import { type Draft, EMPTY_DRAFT, LIFETIMES, type Lifetime, lackOf, requestOf, toggled } from "./tokens.ts";
import { adminApi, useChange, useSources } from "./useAdmin.ts";

const SCOPES = [
  ["all", "All sources"],
  ["some", "Some"],
] as const;

/** Asks what a token is to open, makes it and shows it. */
export function NewToken({ onClose }: { onClose(): void }) {
  const [draft, setDraft] = useState<Draft>(EMPTY_DRAFT);
  const [lack, setLack] = useState<string | null>(null);
  const names = useSources().data?.sources.map(({ name }) => name) ?? [];
  const create = useChange(async (draft: Draft) => (await adminApi.createToken(requestOf(draft))).token);
  const { name, admin, sources, lifetime } = draft;

  function change(fields: Partial<Draft>) {
    setDraft({ ...draft, ...fields });
    setLack(null);
  }
  function submit(event: FormEvent) {
    event.preventDefault();
    const lack = lackOf(draft);
    setLack(lack);
    if (lack === null) create.mutate(draft);
  }

  if (create.data !== undefined) {
    return (
      <Dialog title={`The token ${name.trim()}`} careful onClose={onClose}>
        <Issued token={create.data} onClose={onClose} />
      </Dialog>
    );
  }
  return (
    <Dialog title="New token" onClose={onClose}>
      <form className="form" noValidate onSubmit={submit}>
        <label>
          Whose is it?
          <input
            ref={focusFirst}
            type="text"
            maxLength={64}
            autoComplete="off"
            placeholder="Anna's phone"
            value={name}
            onChange={({ target }) => change({ name: target.value })}
          />
        </label>
        <div className="field">
          <span aria-hidden="true">What does it show?</span>
          {admin ? (
            <p className="dim">All sources, as every admin token does.</p>
          ) : (
            <Choice
              label="What does it show?"
              options={SCOPES}
              value={sources === null ? "all" : "some"}
              onChange={(scope) => change({ sources: scope === "all" ? null : [] })}
            />
          )}
          {!admin && sources !== null && (
            <fieldset className="checks">
              <legend className="hidden">Sources</legend>
              {names.length === 0 && <p className="dim">There is no source yet: add a machine first.</p>}
              {names.map((source) => (
                <label key={source} className="check">
                  <input
                    type="checkbox"
                    checked={sources.includes(source)}
                    onChange={() => change({ sources: toggled(sources, source) })}
                  />
                  {source}
                </label>
              ))}
            </fieldset>
          )}
        </div>
        <label>
          When does it end?
          <select value={lifetime} onChange={({ target }) => change({ lifetime: target.value as Lifetime })}>
            {LIFETIMES.map(([days, said]) => (
              <option key={days} value={days}>
                {said}
              </option>
            ))}
          </select>
        </label>
        <label className="check">
          <input
            type="checkbox"
            checked={admin}
            onChange={({ target }) => change({ admin: target.checked })}
          />
          Admin: may open this page and change who sends and who watches
        </label>
        {lack && (
          <p className="wrong problem" role="alert">
            {lack}
          </p>
        )}
        <Problem error={create.error} />
        <Actions action="Make the token" isBusy={create.isPending} onCancel={onClose} />
      </form>
    </Dialog>
  );
}
