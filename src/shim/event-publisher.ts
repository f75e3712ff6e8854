import { describeError } from "../errors/describe";
import type { Envelope } from "../generated/shim/types";
import { type MessageType, pack } from "./any";
import { pause } from "./pause";
import { timestampOf } from "./timestamp";

/** So often an event is sent until it is given up. Between two, that many seconds more each time. */
const attempts = 5;
const pauseStepMs = 1000;

/** A way to containerd. */
export interface EventSink {
  /** Resolves when containerd has taken it. */
  forward(envelope: Envelope): Promise<void>;
  close(): void;
}

export interface PublisherSettings {
  /** containerd's namespace of the containers that the events are about. */
  readonly namespace: string;
  /** Called again when the last one failed: containerd may have been restarted. */
  connect(): Promise<EventSink>;
  /** Told of each event that is given up, in one line. */
  warn(message: string): void;
  /** Resolves after that time; by default a timer. */
  pause?(ms: number): Promise<void>;
}

/**
 * Tells containerd what happens to containers, in the order in which it happened.
 *
 * One event is sent at a time, and the next only when containerd has taken the one before or that was given
 * up: an event that overtakes another would make a task start after its end.
 */
export class EventPublisher {
  private readonly settings: PublisherSettings;
  private readonly waiting: Envelope[] = [];
  private sink: EventSink | undefined;
  /** Sends what waits; undefined when nothing does. */
  private sending: Promise<void> | undefined;

  constructor(settings: PublisherSettings) {
    this.settings = settings;
  }

  /** Puts an event, such as `/tasks/exit`, behind those before it, and returns. Its moment is now. */
  publish<Message>(topic: string, type: MessageType<Message>, message: Message): void {
    const { namespace } = this.settings;
    const event = pack(type, message);
    this.waiting.push({ timestamp: timestampOf(Date.now()), namespace, topic, event });
    this.sending ??= this.sendWaiting();
  }

  /** Resolves when nothing waits any more. */
  async drained(): Promise<void> {
    await this.sending;
  }

  /** Ends the connection. What still waits is lost; `drained` first. */
  close(): void {
    this.sink?.close();
    this.sink = undefined;
  }

  private async sendWaiting(): Promise<void> {
    for (let next = this.waiting[0]; next !== undefined; next = this.waiting[0]) {
      await this.send(next);
      this.waiting.shift();
    }
    this.sending = undefined;
  }

  private async send(envelope: Envelope): Promise<void> {
    const wait = this.settings.pause ?? pause;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.forward(envelope);
        return;
      } catch (error) {
        this.close();
        if (attempt === attempts) {
          this.settings.warn(`event "${envelope.topic}" is given up: ${describeError(error)}`);
          return;
        }
        await wait(attempt * pauseStepMs);
      }
    }
  }

  private async forward(envelope: Envelope): Promise<void> {
    this.sink ??= await this.settings.connect();
    await this.sink.forward(envelope);
  }
}
