// The one error envelope: `{"error": "<code>", "message": "<one sentence>"}`.

/** The HTTP status of every code; the code is the word on the wire. */
const STATUS = {
  method_not_allowed: 405,
  payload_too_large: 413,
  request_timeout: 408,
  missing_auth: 401,
  unknown_source: 401,
  invalid_signature: 401,
  invalid_token: 401,
  invalid_request: 400,
  empty_batch: 400,
  batch_too_large: 400,
  invalid_event: 400,
  invalid_event_type: 422,
  source_mismatch: 422,
  invalid_days: 400,
  unavailable: 503,
  internal_error: 500,
} as const;

/** Why a request is refused. */
export type ErrorCode = keyof typeof STATUS;

/** Seconds after which asking a database again that was away can help. */
const RETRY_SECONDS = 2;

/** A refusal: a code for programs and a sentence for people. */
export class Problem extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }

  /** The database is away or full, which passes. */
  static unavailable(): Problem {
    return new Problem("unavailable", "The store is unavailable at the moment; please try again later");
  }

  /** A fault of ours, which the log tells more about. */
  static internal(): Problem {
    return new Problem("internal_error", "The server failed to handle this request");
  }

  /** The answer that says so. */
  response(): Response {
    const headers = new Headers();
    if (this.code === "unavailable") headers.set("Retry-After", String(RETRY_SECONDS));
    return Response.json({ error: this.code, message: this.message }, { status: STATUS[this.code], headers });
  }
}
