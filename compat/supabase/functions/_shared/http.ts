// What happens to every request around its handler: methods, preflight, marks, refusals.

import { logFault } from "./log.ts";
import type { Origins } from "./origins.ts";
import { Problem } from "./problem.ts";

/** A function as the platform calls it. */
export type Serve = (request: Request) => Promise<Response>;

/** A route of one method. */
export interface Route {
  method: "GET" | "POST";
  /** Headers that a page may send. */
  headers: string;
  /** Answers a request of that method; throws a `Problem` to refuse it. */
  handle: Serve;
}

/** The whole function: never throws, and marks every answer for the pages that may read it. */
export function serve(route: Route, origins: Origins): Serve {
  return async (request) => {
    const answered = await answer(route, request);
    const response = request.method === "HEAD" ? new Response(null, answered) : answered;
    origins.mark(response.headers, request.headers.get("Origin"));
    response.headers.set("X-Content-Type-Options", "nosniff");
    response.headers.set("Cache-Control", "no-store");
    return response;
  };
}

/** Starts a function; one that is wrongly configured says so in its log and refuses every request. */
export async function started(start: () => Promise<Serve>): Promise<Serve> {
  try {
    return await start();
  } catch (error) {
    logFault("the function cannot start", { reason: error instanceof Error ? error.message : String(error) });
    return () => Promise.resolve(Problem.internal().response());
  }
}

async function answer(route: Route, request: Request): Promise<Response> {
  const method = route.method === "GET" && request.method === "HEAD" ? "GET" : request.method;
  try {
    if (method === "OPTIONS") return preflight(route);
    return method === route.method ? await route.handle(request) : methodNotAllowed(route);
  } catch (error) {
    return refusal(error).response();
  }
}

function preflight(route: Route): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "Access-Control-Allow-Methods": `${route.method}, OPTIONS`,
      "Access-Control-Allow-Headers": route.headers,
      "Access-Control-Max-Age": "86400",
    },
  });
}

function methodNotAllowed(route: Route): Response {
  const message = "This path has no such method; the header Allow names those it has";
  const response = new Problem("method_not_allowed", message).response();
  response.headers.set("Allow", route.method === "GET" ? "GET,HEAD,OPTIONS" : "POST,OPTIONS");
  return response;
}

function refusal(error: unknown): Problem {
  if (error instanceof Problem) return error;
  // the text of a fault may quote the request, its name cannot
  logFault("a request failed", { fault: error instanceof Error ? error.name : typeof error });
  return Problem.internal();
}
