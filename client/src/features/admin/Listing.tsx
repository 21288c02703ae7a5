import type { ReactNode } from "react";
import { Notice } from "../../components/Notice.tsx";
import { sentenceOf } from "./problem.ts";

interface ListingProps {
  query: { data: unknown; error: unknown; refetch(): Promise<unknown> };
  /** What cannot be shown, with its verb. */
  what: string;
  children: ReactNode;
}

/** A list of the server's, or why there is none; one that is no longer up to date says so. */
export function Listing({ query, what, children }: ListingProps) {
  const { data, error, refetch } = query;
  const retry = (
    <button type="button" onClick={() => void refetch()}>
      Retry
    </button>
  );
  if (data === undefined) {
    return (
      <Notice icon="error" title={`${what} could not be loaded`}>
        <p>{error === null ? "Asking again…" : sentenceOf(error)}</p>
        {retry}
      </Notice>
    );
  }
  return (
    <>
      {error !== null && (
        <div className="caution" role="alert">
          <span>This is what was known before. {sentenceOf(error)}</span>
          {retry}
        </div>
      )}
      {children}
    </>
  );
}
