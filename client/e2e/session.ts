import { randomUUID } from "node:crypto";
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";

/** A transcript that grows line by line in the shape of a real one. */
export class Session {
  readonly #path: string;
  readonly #id = randomUUID();
  readonly #project: string;

  constructor(claude: string, project = "probe") {
    const folder = join(claude, "projects", `-home-dev-${project}`);
    mkdirSync(folder, { recursive: true });
    this.#path = join(folder, `${this.#id}.jsonl`);
    this.#project = project;
    this.#append("user", "", { isMeta: true });
  }

  /** A person asks for something. */
  prompt(): void {
    this.#append("user", "please");
  }

  /** Appends a call of a tool; what is given back appends its result. */
  call(tool: string, file?: string): (failed?: boolean) => void {
    const id = `toolu_${randomUUID()}`;
    const input = file === undefined ? {} : { file_path: `/home/dev/${this.#project}/${file}` };
    this.#append("assistant", [{ type: "tool_use", id, name: tool, input }]);
    return (failed = false) =>
      this.#append("user", [{ type: "tool_result", tool_use_id: id, content: "", is_error: failed }]);
  }

  #append(role: "user" | "assistant", content: unknown, more: object = {}): void {
    const record = {
      type: role,
      uuid: randomUUID(),
      parentUuid: null,
      sessionId: this.#id,
      cwd: `/home/dev/${this.#project}`,
      timestamp: new Date().toISOString(),
      message: { role, content },
      ...more,
    };
    appendFileSync(this.#path, `${JSON.stringify(record)}\n`);
  }
}
