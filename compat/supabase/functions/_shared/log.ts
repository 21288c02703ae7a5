// The functions' log: one JSON object per line, which the platform keeps.

/** Tells the operator of a fault; never holds what a request held. */
export function logFault(message: string, fields: Record<string, string | number> = {}): void {
  // deno-lint-ignore no-console -- the platform takes its log from here
  console.error(JSON.stringify({ level: "error", message, ...fields }));
}
