// What the functions are told: read once, from a lookup, so that tests touch no environment.

import { Keys } from "./keys.ts";
import { Origins } from "./origins.ts";
import { Token } from "./token.ts";

/** Answers the value of a variable. */
export type Lookup = (name: string) => string | undefined;

/** A variable is missing or wrong; the message names it and never quotes a secret. */
export class ConfigError extends Error {}

/** Where the database is reached, and as whom. */
export interface DatabaseConfig {
  url: string;
  serviceKey: string;
}

/** Reads the senders' keys. */
export function readKeys(lookup: Lookup): Promise<Keys> {
  return named("VIBETEA_PUBLIC_KEYS", lookup, Keys.parse);
}

/** Reads the token of those who may watch. */
export function readToken(lookup: Lookup): Promise<Token> {
  return named("VIBETEA_SUBSCRIBER_TOKEN", lookup, Token.parse);
}

/** Reads whose pages may call; every page where nothing is said. */
export function readOrigins(lookup: Lookup): Origins {
  const text = lookup("VIBETEA_CORS_ORIGINS") ?? "*";
  const origins = Origins.parse(text);
  if (origins === undefined) {
    throw new ConfigError(
      `VIBETEA_CORS_ORIGINS holds ${JSON.stringify(text)}; allowed: *, or origins separated by commas, ` +
        "such as https://tea.example.org,http://localhost:5173",
    );
  }
  return origins;
}

/** Reads what the platform sets by itself. */
export function readDatabase(lookup: Lookup): DatabaseConfig {
  return { url: required("SUPABASE_URL", lookup), serviceKey: readServiceKey(lookup) };
}

/** The key of the service role: one of the project's secret keys, or the only one of projects older than those. */
function readServiceKey(lookup: Lookup): string {
  const text = lookup("SUPABASE_SECRET_KEYS")?.trim();
  if (!text) return required("SUPABASE_SERVICE_ROLE_KEY", lookup);
  const keys = secretKeys(text);
  const key = keys.get("default") ?? keys.values().next().value;
  if (key === undefined) throw new ConfigError("SUPABASE_SECRET_KEYS is no JSON object with a key in it");
  return key;
}

function secretKeys(text: string): Map<string, string> {
  try {
    const entries = Object.entries<unknown>(JSON.parse(text));
    return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  } catch {
    return new Map();
  }
}

function required(name: string, lookup: Lookup): string {
  const value = lookup(name)?.trim();
  if (!value) throw new ConfigError(`${name} is not set`);
  return value;
}

async function named<T>(name: string, lookup: Lookup, parse: (text: string) => Promise<T>): Promise<T> {
  const value = required(name, lookup);
  try {
    return await parse(value);
  } catch (error) {
    throw new ConfigError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
