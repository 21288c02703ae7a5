// The tests' connection to PostgreSQL.

import driver from "postgres";

/** A connection, or several. */
export type Sql = driver.Sql;
/** A connection in a transaction. */
export type TransactionSql = driver.TransactionSql;
/** What PostgreSQL says about a failure. */
export const PostgresError = driver.PostgresError;
export type PostgresError = driver.PostgresError;

/** Connects to an address. */
export function postgres(url: string, most = 1): Sql {
  return driver(url, { max: most, onnotice: () => {}, fetch_types: false });
}
