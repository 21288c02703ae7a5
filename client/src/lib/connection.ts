/** Where the live connection stands. */
export type ConnectionState =
  | { phase: "connecting" }
  | { phase: "live" }
  /** Trying again at `until`, in milliseconds of this machine's clock. */
  | { phase: "waiting"; until: number; reason: string }
  /** `refused`: a token was given and is not the right one. */
  | { phase: "signedOut"; refused: boolean }
  | { phase: "tooOld"; version: string | null };
