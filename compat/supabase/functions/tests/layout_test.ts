// Who may know whom among the functions, and what the platform is told of them.

import assert from "node:assert/strict";

const FUNCTIONS = new URL("../", import.meta.url);

async function modules(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const folder of ["_shared", "ingest", "query"]) {
    for (const { name } of await Array.fromAsync(Deno.readDir(new URL(`${folder}/`, FUNCTIONS)))) {
      found.set(`${folder}/${name}`, await Deno.readTextFile(new URL(`${folder}/${name}`, FUNCTIONS)));
    }
  }
  return found;
}

/** What a module names. */
function imports(text: string): string[] {
  return [...text.matchAll(/from "([^"]+)"/g)].map((match) => match[1] ?? "");
}

Deno.test("index knows handler, handler knows its folder and the shared modules, and those know neither", async () => {
  for (const [name, text] of await modules()) {
    const allowed = name.startsWith("_shared/")
      ? /^\.\/[a-z0-9]+\.ts$|^@/
      : name.endsWith("/index.ts")
      ? /^(?:\.\/handler|\.\.\/_shared\/http)\.ts$/
      : /^(?:\.\/(?!index|handler)|\.\.\/_shared\/)[a-z0-9]+\.ts$/;
    for (const named of imports(text)) assert.match(named, allowed, name);
  }
});

Deno.test("one module knows the client library, and only the entries start a server or read the environment", async () => {
  for (const [name, text] of await modules()) {
    assert.equal(imports(text).includes("@supabase/supabase-js"), name === "_shared/db.ts", name);
    assert.equal(/Deno\.(?:serve|env)/.test(text), name.endsWith("/index.ts"), name);
  }
});

Deno.test("packages are npm's, of one version each, and locked", async () => {
  const config = JSON.parse(await Deno.readTextFile(new URL("../deno.json", FUNCTIONS)));
  const lock = JSON.parse(await Deno.readTextFile(new URL("../deno.lock", FUNCTIONS)));
  for (const named of Object.values<string>(config.imports)) {
    assert.match(named, /^npm:(?:@[\w-]+\/)?[\w-]+@\d+\.\d+\.\d+$/);
    assert.equal(lock.specifiers[named], named.slice(named.lastIndexOf("@") + 1));
  }
  assert.equal(config.lock.frozen, true);
});

Deno.test("the platform's own gate is off for both functions", async () => {
  const config = await Deno.readTextFile(new URL("../config.toml", FUNCTIONS));
  for (const name of ["ingest", "query"]) {
    const section = config.split(`[functions.${name}]`)[1]?.split("\n[")[0] ?? "";
    assert.match(section, /^verify_jwt = false$/m, name);
  }
});
