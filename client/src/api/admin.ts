import type {
  Enrolment,
  IssuedToken,
  NewViewerToken,
  RegisteredSources,
  ViewerTokens,
} from "../protocol/generated.ts";
import type { Call } from "./http.ts";

/** Who may send and who may watch. */
export interface AdminApi {
  sources(signal?: AbortSignal): Promise<RegisteredSources>;
  /** Makes a code with which one monitor joins under that name. */
  enrol(source: string): Promise<Enrolment>;
  rename(source: string, name: string): Promise<unknown>;
  revokeSource(source: string): Promise<unknown>;
  tokens(signal?: AbortSignal): Promise<ViewerTokens>;
  createToken(token: NewViewerToken): Promise<IssuedToken>;
  /** A new token in the place of the one with that id. */
  rotateToken(id: string): Promise<IssuedToken>;
  revokeToken(id: string): Promise<unknown>;
}

/** The routes that answer to an admin token alone. */
export function createAdminApi(call: Call): AdminApi {
  const source = (name: string) => `admin/sources/${encodeURIComponent(name)}`;
  const token = (id: string) => `admin/tokens/${encodeURIComponent(id)}`;
  return {
    sources: (signal) => call("admin/sources", { signal }),
    enrol: (source) => call("admin/enrolments", { method: "POST", body: { source } }),
    rename: (old, name) => call(source(old), { method: "PATCH", body: { name } }),
    revokeSource: (name) => call(source(name), { method: "DELETE" }),
    tokens: (signal) => call("admin/tokens", { signal }),
    createToken: (body) => call("admin/tokens", { method: "POST", body }),
    rotateToken: (id) => call(`${token(id)}/rotate`, { method: "POST" }),
    revokeToken: (id) => call(token(id), { method: "DELETE" }),
  };
}
