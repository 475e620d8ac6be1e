// The side of a benchmark's process that is asked.
import type { Failure } from './child.js';

/** Answers what the starting process asks, until that lets go of this one. */
export function answerParent(answers: object): void {
  process.on('message', ({ name, question }: { name: string; question: unknown }) => {
    const answer = (answers as Record<string, (question: unknown) => unknown>)[name];
    void Promise.resolve(question)
      .then(answer)
      .then(
        (value) => process.send?.({ value }),
        (error: unknown) => process.send?.({ failed: String(error) } satisfies Failure),
      );
  });
  process.once('disconnect', () => process.kill(process.pid));
}
