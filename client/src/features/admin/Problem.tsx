import { sentenceOf } from "./problem.ts";

/** What went wrong, at the place where it did. */
export function Problem({ error }: { error: unknown }) {
  if (error === null || error === undefined) return null;
  return (
    <p className="wrong problem" role="alert">
      {sentenceOf(error)}
    </p>
  );
}
