import type { NewViewerToken, ViewerToken } from "../../protocol/generated.ts";

/** After how many days a token ends, as people choose it. */
export const LIFETIMES = [
  ["7", "In 7 days"],
  ["30", "In 30 days"],
  ["90", "In 90 days"],
  ["365", "In a year"],
  ["never", "Never"],
] as const;

export type Lifetime = (typeof LIFETIMES)[number][0];

/** A token as it is asked for. */
export interface Draft {
  name: string;
  admin: boolean;
  /** Null for all. */
  sources: readonly string[] | null;
  lifetime: Lifetime;
}

export const EMPTY_DRAFT: Draft = { name: "", admin: false, sources: null, lifetime: "90" };

/** What the server is asked for; an admin token shows all sources. */
export function requestOf({ name, admin, sources, lifetime }: Draft): NewViewerToken {
  return {
    name: name.trim(),
    admin,
    ...(sources !== null && !admin && { sources: [...sources] }),
    ...(lifetime !== "never" && { expiresInDays: Number(lifetime) }),
  };
}

/** Why a token cannot be asked for yet, in one sentence. */
export function lackOf({ name, admin, sources }: Draft): string | null {
  if (name.trim() === "") return "Give the token a name, so that you know later whose it is.";
  if (!admin && sources?.length === 0) return "Choose at least one source, or all of them.";
  return null;
}

/** The sources with one more, or one less. */
export function toggled(sources: readonly string[], source: string): string[] {
  return sources.includes(source) ? sources.filter((one) => one !== source) : [...sources, source];
}

/** What a token shows, in words. */
export function sayScope({ sources }: Pick<ViewerToken, "sources">): string {
  if (sources === null) return "All sources";
  return sources.length === 0 ? "No source" : sources.join(", ");
}

/** Whether a token has come to its end. */
export const hasEnded = ({ expires }: Pick<ViewerToken, "expires">, now: number): boolean =>
  expires !== null && Date.parse(expires) <= now;

/** The address that signs in with a token by itself. `base`: where this page stands. */
export const signInAddress = (base: string, token: string): string =>
  `${new URL(".", base).href}#token=${encodeURIComponent(token)}`;
