import type { Worker } from "node:worker_threads";
import { RuntimeError } from "../../errors/runtime-error";
import type {
  Answered,
  Asked,
  OperationAnswer,
  OperationName,
  OperationRequest,
  RuntimeChoice,
} from "./protocol";

/** As many as work at once when nobody is stuck. */
const usualThreads = 2;

/** Each may be stuck in a hook or a file system that does not answer; what comes then has to wait. */
const mostThreads = 16;

/** An operation that has waited so long waits behind others that are stuck, and gets a thread of its own. */
const stuckAfterMs = 100;

interface Job {
  readonly asked: Asked;
  readonly settle: (answered: Answered) => void;
  readonly fail: (error: Error) => void;
}

/**
 * Threads that operations block in place of the event loop. The first is there from the beginning, others come
 * when they are needed.
 */
export class OperationPool {
  private readonly waiting: Job[] = [];
  private readonly idle: Thread[] = [];
  private readonly all = new Set<Thread>();
  private running = 0;
  private isLooking = false;

  constructor(
    private readonly start: () => Worker,
    /** Told what an operation goes on without. */
    private readonly warn: (message: string) => void,
    /** Called each time when the last operation has ended and none waits; who asked for it has not heard yet. */
    private readonly becameIdle: () => void = () => {},
  ) {
    this.addThread();
  }

  /** Whether no operation runs or waits. */
  get isIdle(): boolean {
    return this.running === 0 && this.waiting.length === 0;
  }

  /** Rejects with a RuntimeError, or an Error for a failure without a code. */
  run<Name extends OperationName>(
    name: Name,
    runtime: RuntimeChoice,
    request: OperationRequest<Name>,
  ): Promise<OperationAnswer<Name>> {
    return new Promise((resolve, reject) => {
      const settle = (answered: Answered) => {
        for (const warning of answered.warnings) this.warn(warning);
        if ("answer" in answered) resolve(answered.answer as OperationAnswer<Name>);
        else reject(errorOf(answered.failure));
      };
      this.waiting.push({ asked: { name, runtime, request }, settle, fail: reject });
      this.serve();
    });
  }

  /** Ends the threads, whatever they do. */
  async close(): Promise<void> {
    await Promise.all([...this.all].map((thread) => thread.end()));
  }

  private serve(): void {
    while (this.waiting.length > 0) {
      const thread = this.idle.pop();
      if (thread === undefined) break;
      this.running += 1;
      thread.work(this.waiting.shift() as Job);
    }
    if (this.waiting.length === 0) return;
    if (this.all.size < usualThreads) this.addThread();
    else this.addThreadIfStuck();
  }

  /** One look at a time: whoever waits longest decides. */
  private addThreadIfStuck(): void {
    if (this.isLooking) return;
    this.isLooking = true;
    const [first] = this.waiting;
    setTimeout(() => {
      this.isLooking = false;
      if (this.waiting[0] === first && this.all.size < mostThreads) this.addThread();
      if (this.waiting.length > 0) this.addThreadIfStuck();
    }, stuckAfterMs).unref();
  }

  private addThread(): void {
    const thread = new Thread(this.start(), {
      ready: () => {
        this.idle.push(thread);
        this.serve();
      },
      done: () => {
        this.running -= 1;
        this.idle.push(thread);
        this.serve();
        if (this.isIdle) this.becameIdle();
      },
      lost: (hadWork) => {
        this.all.delete(thread);
        if (hadWork) this.running -= 1;
        const at = this.idle.indexOf(thread);
        if (at >= 0) this.idle.splice(at, 1);
        this.serve();
        if (this.isIdle) this.becameIdle();
      },
    });
    this.all.add(thread);
  }
}

interface ThreadEvents {
  ready(): void;
  done(): void;
  lost(hadWork: boolean): void;
}

class Thread {
  private job: Job | undefined;

  constructor(
    private readonly worker: Worker,
    events: ThreadEvents,
  ) {
    this.worker.once("online", () => events.ready());
    this.worker.on("message", (answered: Answered) => {
      const { job } = this;
      this.job = undefined;
      job?.settle(answered);
      events.done();
    });
    this.worker.on("error", (cause) => {
      const { job } = this;
      this.job = undefined;
      events.lost(job !== undefined);
      const error = new RuntimeError("HOST_FAILED", "the thread of the operation ended", { cause });
      job?.fail(error);
    });
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }

  work(job: Job): void {
    this.job = job;
    this.worker.postMessage(job.asked);
  }
}

function errorOf({ code, message }: { code: RuntimeError["code"] | undefined; message: string }) {
  return code === undefined ? new Error(message) : new RuntimeError(code, message);
}
