// What becomes of tests that lack their database.

import assert from "node:assert/strict";

const MODULE = new URL("platform/lacking.ts", import.meta.url);

/** Runs the module with the variables, as `npm test` runs all of them; whether it succeeds and what it says. */
async function run(variables: Record<string, string>): Promise<{ success: boolean; told: string }> {
  const env = Deno.env.toObject();
  delete env.CI;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--node-modules-dir=manual", "--allow-all", MODULE.pathname],
    cwd: new URL("../../", import.meta.url),
    env: { ...env, ...variables, NO_COLOR: "1" },
    clearEnv: true,
  }).output();
  const told = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("\n");
  return { success, told };
}

Deno.test("in CI a test without its database fails and says what is missing", async () => {
  const { success, told } = await run({ CI: "true" });
  assert.equal(success, false, told);
  assert.match(told, /nothing is skipped for want of PostgreSQL: there is no PostgreSQL here/);
  assert.doesNotMatch(told, /it was run without one/);
});

Deno.test("elsewhere it is skipped with a word", async () => {
  const { success, told } = await run({});
  assert.equal(success, true, told);
  assert.match(told, /skipped: there is no PostgreSQL here/);
  assert.match(told, /0 passed .* 0 failed .* 1 ignored/);
});
