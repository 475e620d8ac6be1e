/** What the demo shows while it runs: lines that stay, and one below them that changes (on a terminal). */

import colors from 'picocolors';

const REFRESH_MS = 100;
/** Where there is no terminal, a line is printed now and then instead. */
const PLAIN_REFRESH_MS = 1_000;

export class Display {
  readonly #write: (text: string) => Promise<void>;
  readonly #isTerminal: boolean;
  #timer: NodeJS.Timeout | undefined;
  #status: (() => string) | undefined;

  constructor(write: (text: string) => Promise<void>, isTerminal: boolean) {
    this.#write = write;
    this.#isTerminal = isTerminal;
  }

  /** A line that stays. */
  async line(text = ''): Promise<void> {
    await this.#write(`${this.#clear}${text}\n`);
  }

  /** A step that is done. */
  step(what: string, detail: string): Promise<void> {
    return this.line(`${colors.green('✓')} ${what.padEnd(10)} ${colors.dim(detail)}`);
  }

  /** Shows a status from now on. */
  follow(status: () => string): void {
    this.#status = status;
    this.#timer = setInterval(
      () => void this.#showStatus(),
      this.#isTerminal ? REFRESH_MS : PLAIN_REFRESH_MS,
    );
  }

  /** Shows the last status, which stays. */
  async settle(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#status) await this.line(this.#status());
    this.#status = undefined;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #showStatus(): Promise<void> {
    if (this.#status) await this.#write(`${this.#clear}${this.#status()}${this.#isTerminal ? '' : '\n'}`);
  }

  /** Takes back the status line. */
  get #clear(): string {
    return this.#isTerminal ? '\r\u001b[2K' : '';
  }
}
