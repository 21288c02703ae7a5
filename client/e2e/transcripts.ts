import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Real transcripts beside the project, where they are. */
const TRANSCRIPTS = resolve(import.meta.dirname, "../../../shared/transcripts");

const TIME = /"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"/g;

/** Transcripts in a folder and those below it. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesIn(path) : name.endsWith(".jsonl") ? [path] : [];
  });
}

/** Copies the real transcripts, all moved in time so that the newest record is `minutesAgo` old. */
export function copyTranscripts(to: string, minutesAgo: number): void {
  cpSync(join(TRANSCRIPTS, "projects"), join(to, "projects"), { recursive: true });
  const copies = filesIn(to).map((path) => ({ path, text: readFileSync(path, "utf8") }));
  const times = copies.flatMap(({ text }) =>
    [...text.matchAll(TIME)].map(([, time]) => Date.parse(time ?? "")),
  );
  const newest = times.reduce((latest, time) => Math.max(latest, time), 0);
  const shift = Date.now() - minutesAgo * 60_000 - newest;
  for (const { path, text } of copies) {
    writeFileSync(
      path,
      text.replace(TIME, (_, time) => `"${new Date(Date.parse(time) + shift).toISOString()}"`),
    );
  }
}

export const haveTranscripts = existsSync(TRANSCRIPTS);
