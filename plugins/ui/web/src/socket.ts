// The connection to the bridge: opened again when it is lost, with everything that is watched.

import { framesOf, whyTooLarge } from "./frames";
import { SUBPROTOCOL, type ClientMessage, type ServerMessage } from "./protocol";

const FIRST_WAIT = 300; // ms until the first retry
const MAX_WAIT = 3_000; // ms between retries
const SILENCE = 5_000; // ms without a pulse after which a connection counts as lost
const ANSWER = 15_000; // ms that a command may take
const NOT_UNDERSTOOD = 4400; // the close code after a message that the bridge does not understand

export type State = "connecting" | "open" | "lost" | "denied";

export interface Handlers {
  state(state: State): void;
  message(message: ServerMessage): void;
  /** The bridge has closed the connection, as it did not understand this page. */
  notUnderstood(): void;
}

type Watch = Extract<ClientMessage, { type: `watch_${string}` }>;
type Command = Extract<ClientMessage, { id: number }>;
type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;

type Answered = Extract<ServerMessage, { id: number }>;

interface Pending {
  resolve(answer: Answered): void;
  reject(error: Error): void;
  timer: number;
}

/** One connection at a time, to the WebSocket beside the page. */
export class Connection {
  private socket: WebSocket | null = null;
  private wait = FIRST_WAIT;
  private retry = 0;
  private silence = 0;
  private isWelcome = false;
  private takesParts = false;
  /** How often in turn the bridge has closed before it said welcome: the first message was not understood. */
  private refusals = 0;
  /** Whether the bridge gave no access: its reason stays until another attempt is answered. */
  private isDenied = false;
  private number = 0;
  private readonly watched = new Map<string, () => Watch>();
  private readonly pending = new Map<number, Pending>();

  constructor(
    private readonly url: string,
    private readonly token: () => string,
    private readonly handlers: Handlers,
  ) {}

  open(): void {
    window.clearTimeout(this.retry);
    this.socket?.close();
    if (!this.isDenied) this.handlers.state("connecting");
    this.isDenied = false;
    const socket = (this.socket = new WebSocket(this.url, SUBPROTOCOL));
    this.isWelcome = false;
    socket.onopen = () => {
      this.listen();
      this.write({ type: "hello", token: this.token() });
    };
    socket.onmessage = (event: MessageEvent<string>) => {
      if (socket === this.socket) this.received(JSON.parse(event.data) as ServerMessage);
    };
    socket.onclose = (event) => {
      if (socket !== this.socket) return;
      // Once it may have waited too long for the first message.
      if (event.code === NOT_UNDERSTOOD && (this.isWelcome || ++this.refusals > 1)) {
        this.wait = MAX_WAIT; // the same happens again until the page is loaded again
        this.handlers.notUnderstood();
      }
      this.lost();
    };
    this.listen();
  }

  /** Tries now instead of later. */
  hurry(): void {
    if (!this.isWelcome) {
      this.wait = FIRST_WAIT;
      this.open();
    }
  }

  /** Watches a topic; `make` is called again at each reconnect. Another call replaces it. */
  watch(make: () => Watch): void {
    const message = make();
    this.watched.set(message.type, make);
    if (this.isWelcome) this.write(message);
  }

  unwatch(topic: Extract<ClientMessage, { type: "unwatch" }>["topic"]): void {
    if (this.watched.delete(`watch_${topic}`) && this.isWelcome) this.write({ type: "unwatch", topic });
  }

  /** Carries out a command. Rejects with the reason if it fails. */
  async command(command: WithoutId<Command>): Promise<string> {
    const answer = await this.request(command);
    return answer.type === "answer" ? answer.text : "";
  }

  /** Asks for something. Rejects with the reason if it fails. */
  request(command: WithoutId<Command>): Promise<Answered> {
    if (!this.isWelcome) return Promise.reject(new Error("Not connected to the bridge."));
    const id = ++this.number;
    const text = JSON.stringify({ ...command, id });
    const reason = whyTooLarge(text, this.takesParts);
    if (reason) return Promise.reject(new Error(reason));
    return new Promise((resolve, reject) => {
      const timer = window.setTimeout(() => {
        this.pending.delete(id);
        reject(new Error("The bridge did not answer."));
      }, ANSWER);
      this.pending.set(id, { resolve, reject, timer });
      this.send(text);
    });
  }

  private write(message: ClientMessage): void {
    this.send(JSON.stringify(message));
  }

  private send(text: string): void {
    if (this.socket?.readyState !== WebSocket.OPEN || whyTooLarge(text, this.takesParts)) return;
    for (const frame of framesOf(text)) this.socket.send(frame);
  }

  private received(message: ServerMessage): void {
    this.listen();
    if (message.type === "welcome") this.takesParts = message.rights.includes("configure");
    if (message.type === "welcome" && !this.isWelcome) {
      this.isWelcome = true;
      this.refusals = 0;
      this.wait = FIRST_WAIT;
      this.handlers.message(message); // it may be another process: what is watched depends on it
      for (const make of this.watched.values()) this.write(make());
      this.handlers.state("open");
      return;
    }
    const found = "id" in message ? this.pending.get(message.id) : undefined;
    if (found && "id" in message) {
      this.pending.delete(message.id);
      window.clearTimeout(found.timer);
      if (message.type === "answer" && message.error) found.reject(new Error(message.error));
      else found.resolve(message);
      return;
    }
    this.handlers.message(message);
    if (message.type === "denied") {
      this.isDenied = true;
      this.handlers.state("denied");
      this.wait = message.retry_after ? message.retry_after * 1_000 : MAX_WAIT;
      if (message.token_needed) this.abandon();
    }
  }

  /** Waits for another token. */
  private abandon(): void {
    const socket = this.socket;
    this.socket = null;
    window.clearTimeout(this.silence);
    socket?.close();
  }

  /** A connection that is silent is lost: the machine of the bridge may have no power. */
  private listen(): void {
    window.clearTimeout(this.silence);
    this.silence = window.setTimeout(() => {
      const socket = this.socket;
      this.lost();
      socket?.close();
    }, SILENCE);
  }

  private lost(): void {
    this.socket = null;
    this.isWelcome = false;
    window.clearTimeout(this.silence);
    for (const each of this.pending.values()) {
      window.clearTimeout(each.timer);
      each.reject(new Error("The connection to the bridge was lost."));
    }
    this.pending.clear();
    this.handlers.state(this.isDenied ? "denied" : "lost");
    window.clearTimeout(this.retry);
    this.retry = window.setTimeout(() => this.open(), this.wait);
    this.wait = Math.min(this.wait * 1.7, MAX_WAIT);
  }
}
