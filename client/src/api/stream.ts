import { backoff } from "../lib/backoff.ts";
import type { ConnectionState } from "../lib/connection.ts";
import type { Frame, StreamEvent } from "../protocol/decode.ts";
import type { Capabilities } from "../protocol/generated.ts";
import { ApiError, isRefused } from "./http.ts";

/** The version of `/api` this page speaks. */
const API_VERSION = 1;
/** A connection that lasted this long was a good one: the next attempt after it comes soon. */
const GOOD_AFTER_MS = 5000;

/** A connection that brings frames, several at a time. */
export interface Socket {
  onopen: (() => void) | null;
  onframes: ((frames: readonly Frame[]) => void) | null;
  /** It was lost; not called after `close`. */
  onclose: (() => void) | null;
  close(): void;
}

export interface StreamOptions {
  capabilities(): Promise<Capabilities>;
  ticket(): Promise<string>;
  open(parameters: Record<string, string>): Socket;
  hasToken(): boolean;
  /** Where the connection stands has changed. */
  onState(state: ConnectionState): void;
  /** What the server can do, known before every connection. */
  onServer(capabilities: Capabilities): void;
  onEvent(event: StreamEvent): void;
  /** The stream stands and what comes from now on is complete, but not what came before: load it. */
  onFresh(): void;
  onBadFrame(): void;
  now(): number;
  random(): number;
  /** Calls back later; what it returns takes that back. */
  after(ms: number, callback: () => void): () => void;
}

/** Keeps the live stream open: asks for a ticket, opens, resumes behind the last event, and waits longer after each failure. */
export class LiveStream {
  readonly #options: StreamOptions;
  #lastId: string | null = null;
  #attempt = 0;
  #socket: Socket | null = null;
  #cancelWait: (() => void) | null = null;
  /** Goes up whenever what is under way has become void. */
  #round = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** Connects now, whatever was going on. */
  connect(): void {
    this.#drop();
    void this.#connect(this.#round);
  }

  /** Ends what is going on and forgets the place in the stream. */
  stop(): void {
    this.#drop();
    this.#lastId = null;
    this.#attempt = 0;
  }

  #drop(): void {
    this.#round += 1;
    this.#cancelWait?.();
    this.#cancelWait = null;
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onframes = socket.onclose = null;
    socket.close();
  }

  async #connect(round: number): Promise<void> {
    const { capabilities, ticket, onState, onServer } = this.#options;
    onState({ phase: "connecting" });
    try {
      const server = await capabilities();
      if (round !== this.#round) return;
      if (server.apiVersion < API_VERSION) return onState({ phase: "tooOld", version: server.version });
      onServer(server);
      const shown = await ticket();
      if (round === this.#round) this.#open(round, shown);
    } catch (error) {
      if (round === this.#round) this.#failed(error);
    }
  }

  #open(round: number, ticket: string): void {
    const { open, onState, onFresh, now } = this.#options;
    const resumed = this.#lastId;
    const socket = open(resumed ? { ticket, last_event_id: resumed } : { ticket });
    let openedAt: number | null = null;
    this.#socket = socket;
    socket.onopen = () => {
      openedAt = now();
      onState({ phase: "live" });
      if (!resumed) onFresh();
    };
    socket.onframes = (frames) => {
      for (const frame of frames) this.#take(frame);
    };
    socket.onclose = () => {
      if (round !== this.#round) return;
      if (openedAt !== null && now() - openedAt >= GOOD_AFTER_MS) this.#attempt = 0;
      this.#wait("The connection was lost");
    };
  }

  #take(frame: Frame): void {
    const { onEvent, onFresh, onBadFrame } = this.#options;
    if (frame.kind === "event") {
      this.#lastId = frame.event.id;
      onEvent(frame.event);
    } else if (frame.kind === "reset") {
      this.#lastId = null;
      onFresh();
    } else onBadFrame();
  }

  #failed(error: unknown): void {
    const { hasToken, onState } = this.#options;
    if (isRefused(error)) {
      this.stop();
      onState({ phase: "signedOut", refused: hasToken() });
    } else if (error instanceof ApiError && error.status === 404) {
      onState({ phase: "tooOld", version: null });
    } else {
      this.#wait(error instanceof ApiError ? error.message : "The server cannot be reached");
    }
  }

  #wait(reason: string): void {
    this.#drop();
    const { after, now, random, onState } = this.#options;
    const wait = backoff(this.#attempt, random());
    this.#attempt += 1;
    this.#cancelWait = after(wait, () => this.connect());
    onState({ phase: "waiting", until: now() + wait, reason });
  }
}
