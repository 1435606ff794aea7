import type { Logger } from 'pino';
import type { SlipwayError } from '../errors.ts';
import type { ChildToSupervisor } from '../messages.ts';
import type { Model } from '../models/model.ts';
import type { VersionReport } from '../trouble.ts';

interface Heard {
  model: string;
  version: number;
  attached: Model;
  trouble: VersionReport['trouble'];
}

/** Hears what versions attached in this process say besides answers: the log gets it, and the supervisor how they all are. */
export class Reporter {
  readonly #log: Logger;
  readonly #send: (message: ChildToSupervisor) => Promise<void>;
  readonly #heard = new Set<Heard>();

  /** `send`: resolves when it has left. */
  constructor(log: Logger, send: (message: ChildToSupervisor) => Promise<void>) {
    this.#log = log;
    this.#send = send;
  }

  listen(model: string, version: number, attached: Model): void {
    if (!attached.listen) return;
    const heard: Heard = { model, version, attached, trouble: null };
    this.#heard.add(heard);
    const said = { model, version };
    attached.listen({
      line: (text) => this.#log.info(said, text),
      trouble: (trouble) => {
        if (trouble) this.#log[trouble.level === 'act' ? 'error' : 'warn'](said, trouble.message);
        else this.#log.info(said, 'It is well again.');
        heard.trouble = trouble && { ...trouble, since: heard.trouble?.since ?? Date.now() };
        this.tell();
      },
      lost: (loss) => void this.#send({ type: 'lost', loss }),
      end: () => {
        this.#heard.delete(heard);
        this.tell();
      },
    });
    this.tell();
  }

  /** What this process is for could not be attached, and it ends; resolves when that is told. */
  async failed(model: string, version: number, { message, hint }: SlipwayError): Promise<void> {
    this.#log.error({ model, version }, message);
    const said = `It could not be attached. ${message}`;
    const trouble = { level: 'act' as const, message: said, hint, since: Date.now() };
    await this.#send({ type: 'reports', reports: [{ model, version, trouble, restarts: null }] });
  }

  /** Takes the place of what this process, or one before it of the same name, told. */
  tell(): void {
    const reports = [...this.#heard].map(({ model, version, attached, trouble }) => ({
      model,
      version,
      trouble,
      restarts: attached.restarts ?? null,
    }));
    void this.#send({ type: 'reports', reports });
  }
}
