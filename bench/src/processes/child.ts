// The starting side of a benchmark's processes: each is forked, asked one thing after the other, and gone with its use.
// What is measured has a process of its own, and so has the load.
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What a program answers instead of a value when it fails. */
export interface Failure {
  readonly failed: string;
}

export class Child<Questions> implements AsyncDisposable {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /** Starts a program of `bench/src/serving`, named without `-program.ts`. */
  static start<Questions>(name: string): Child<Questions> {
    const path = fileURLToPath(new URL(`../serving/${name}-program.js`, import.meta.url));
    return new Child(fork(path, { serialization: 'advanced' }));
  }

  /** Asks the program, and resolves with its answer. One question at a time. */
  ask<Name extends keyof Questions & string>(
    name: Name,
    ...[question]: Questions[Name] extends (question: infer Question) => unknown ? [Question] : never
  ): Promise<Answer<Questions[Name]>> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null): void => {
        reject(new Error(`the process asked for '${name}' ended with ${String(code)}`));
      };
      this.#process.once('exit', ended);
      this.#process.once('message', (answer: { value: Answer<Questions[Name]> } | Failure) => {
        this.#process.off('exit', ended);
        if ('failed' in answer) reject(new Error(answer.failed));
        else resolve(answer.value);
      });
      this.#process.send({ name, question });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = new Promise((resolve) => this.#process.once('exit', resolve));
    if (this.#process.connected) this.#process.disconnect();
    await exit;
  }
}

type Answer<Question> = Question extends (question: never) => infer Result ? Awaited<Result> : never;
