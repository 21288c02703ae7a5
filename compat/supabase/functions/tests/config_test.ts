// What the functions are told, and how they complain; pages of other origins.

import assert from "node:assert/strict";
import {
  ConfigError,
  type Lookup,
  readDatabase,
  readKeys,
  readOrigins,
  readToken,
} from "../_shared/config.ts";
import { Token } from "../_shared/token.ts";

const given = (variables: Record<string, string>): Lookup => (name) => variables[name];

Deno.test("a secret key of the project is taken before the key of older projects", () => {
  const url = { SUPABASE_URL: "https://x.supabase.co" };
  const key = (variables: Record<string, string>) => readDatabase(given({ ...url, ...variables })).serviceKey;
  const legacy = { SUPABASE_SERVICE_ROLE_KEY: "legacy" };
  assert.equal(key(legacy), "legacy");
  assert.equal(key({ ...legacy, SUPABASE_SECRET_KEYS: "" }), "legacy");
  assert.equal(key({ ...legacy, SUPABASE_SECRET_KEYS: '{"other":"b","default":"a"}' }), "a");
  assert.equal(key({ SUPABASE_SECRET_KEYS: '{"other":"b"}' }), "b");
  for (const wrong of ["{}", "sb_secret_x", '{"default":1}']) {
    assert.throws(() => key({ ...legacy, SUPABASE_SECRET_KEYS: wrong }), {
      message: "SUPABASE_SECRET_KEYS is no JSON object with a key in it",
    });
  }
  assert.throws(() => key({}), { message: "SUPABASE_SERVICE_ROLE_KEY is not set" });
});

Deno.test("what is missing or wrong is named and no secret is quoted", async () => {
  await assert.rejects(readKeys(given({})), { message: "VIBETEA_PUBLIC_KEYS is not set" });
  await assert.rejects(readKeys(given({ VIBETEA_PUBLIC_KEYS: "a:AAAA" })), (error) => {
    assert.ok(error instanceof ConfigError);
    return error.message.startsWith('VIBETEA_PUBLIC_KEYS: the key of source "a", entry 1');
  });
  await assert.rejects(readToken(given({ VIBETEA_SUBSCRIBER_TOKEN: "swordfish é" })), {
    message: "VIBETEA_SUBSCRIBER_TOKEN: a secret of 11 characters; allowed: printable ASCII without spaces",
  });
  assert.throws(
    () => readOrigins(given({ VIBETEA_CORS_ORIGINS: "tea.example.org" })),
    /allowed: \*, or origins/,
  );
});

Deno.test("a token is only its own bytes, whatever their number", async () => {
  const token = await Token.parse(" s3cret-token ");
  const bytes = (text: string) => new TextEncoder().encode(text);
  assert.equal(await token.is(bytes("s3cret-token")), true);
  for (const wrong of ["", "s3cret-toke", "s3cret-token\0", "S3CRET-TOKEN", "s3cret-token".repeat(1000)]) {
    assert.equal(await token.is(bytes(wrong)), false, wrong.slice(0, 20));
  }
});

Deno.test("with a list only its origins are let in, and caches are told", () => {
  const marked = (text: string, asked: string | null) => {
    const headers = new Headers();
    readOrigins(given({ VIBETEA_CORS_ORIGINS: text })).mark(headers, asked);
    return [headers.get("Access-Control-Allow-Origin"), headers.get("Vary")];
  };
  const list = "https://tea.example.org/, http://localhost:5173";
  for (const origin of ["https://tea.example.org", "http://localhost:5173"]) {
    assert.deepEqual(marked(list, origin), [origin, "Origin"]);
  }
  for (
    const origin of [
      null,
      "null",
      "https://evil.example",
      "https://tea.example.org.evil.example",
      "http://tea.example.org",
      "http://localhost:51730",
    ]
  ) assert.deepEqual(marked(list, origin), [null, "Origin"]);
  assert.deepEqual(marked(" * ", "https://evil.example"), ["*", null]);
});
