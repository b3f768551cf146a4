/** The page's end of the worker: a promise for each request. */
import type { Method, Progress, Reply, Requests } from "./messages";

/** What the worker answered instead: a sentence for the person, or a fault of the program. */
export class WorkerError extends Error {
  override readonly name = "WorkerError";
  constructor(
    sentence: string,
    readonly isMistake: boolean,
  ) {
    super(sentence);
  }
}

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: WorkerError) => void;
  readonly onProgress: (progress: Progress) => void;
}

export class Client {
  private readonly worker = new Worker(new URL("./worker.ts", import.meta.url));
  private readonly waiting = new Map<number, Waiting>();
  private next = 0;

  constructor() {
    this.worker.addEventListener("message", (event: MessageEvent<Reply>) => {
      this.take(event.data);
    });
    this.worker.addEventListener("error", (event) => {
      const error = new WorkerError(`The worker stopped: ${event.message}. Load the page again.`, false);
      for (const { reject } of this.waiting.values()) reject(error);
      this.waiting.clear();
    });
  }

  ask<M extends Method>(
    method: M,
    given: Requests[M]["given"],
    onProgress: (progress: Progress) => void = () => undefined,
  ): Promise<Requests[M]["answer"]> {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, onProgress });
      this.worker.postMessage({ id, method, given });
    });
  }

  stop(): void {
    this.worker.terminate();
  }

  private take(reply: Reply): void {
    const waiting = this.waiting.get(reply.id);
    if (!waiting) return;
    if ("progress" in reply) {
      waiting.onProgress(reply.progress);
      return;
    }
    this.waiting.delete(reply.id);
    if ("error" in reply) waiting.reject(new WorkerError(reply.error, reply.isMistake));
    else waiting.resolve(reply.answer as never);
  }
}
