/** Which sources a page shows, in a few words; null for a page that shows all. */
export function sayScope(sources: readonly string[] | null): string | null {
  if (sources === null) return null;
  return sources.length === 0 ? "No source" : `Only ${sources.join(", ")}`;
}
