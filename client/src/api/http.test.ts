import { expect, test } from "vitest";
import { createAdminApi } from "./admin.ts";
import { ApiError, createCall } from "./http.ts";

/** A server that answers with what it is given, one after the other, and remembers what it was asked. */
function server(answers: Response[], tokens: string[] = ["t"]) {
  const asked: { what: string; token: string | null; body: unknown }[] = [];
  const call = createCall({
    base: "https://tea.example/base/",
    token: () => tokens[Math.min(asked.length, tokens.length - 1)] ?? null,
    fetch: async (address, { method, headers, body } = {}) => {
      const bearer = new Headers(headers).get("Authorization");
      asked.push({ what: `${method} ${address}`, token: bearer, body: body && JSON.parse(String(body)) });
      return answers[asked.length - 1] ?? Response.json({});
    },
  });
  return { asked, call, admin: createAdminApi(call) };
}

test("names in addresses stay one part of them", async () => {
  const { asked, admin } = server([]);
  await admin.rename("my laptop/2", "desk?");
  await admin.rotateToken("a/b");
  expect(asked).toEqual([
    {
      what: "PATCH https://tea.example/base/api/v1/admin/sources/my%20laptop%2F2",
      token: "Bearer t",
      body: { name: "desk?" },
    },
    {
      what: "POST https://tea.example/base/api/v1/admin/tokens/a%2Fb/rotate",
      token: "Bearer t",
      body: undefined,
    },
  ]);
});

test("an answer without a body is one", async () => {
  const { admin } = server([new Response(null, { status: 204 })]);
  expect(await admin.revokeSource("laptop")).toBeUndefined();
});

test("the server's sentence is what an error says", async () => {
  const problem = { error: "source_exists", message: "A source of this name exists" };
  const { admin } = server([Response.json(problem, { status: 409 }), new Response("oops", { status: 502 })]);
  await expect(admin.enrol("laptop")).rejects.toThrow(new ApiError(409, "A source of this name exists"));
  await expect(admin.enrol("laptop")).rejects.toThrow("The server answered 502");
});

test("what was refused to a token that was replaced meanwhile is asked again with the new one", async () => {
  const refused = () => new Response(null, { status: 401 });
  const replaced = server([refused()], ["old", "new"]);
  await replaced.call("totals");
  expect(replaced.asked.map(({ token }) => token)).toEqual(["Bearer old", "Bearer new"]);
  const same = server([refused(), refused()], ["old"]);
  await expect(same.call("totals")).rejects.toThrow(ApiError);
  expect(same.asked).toHaveLength(1);
});
