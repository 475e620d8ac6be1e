// Keeps a processor from going to sleep: works at the lowest priority, so that whatever else is to be done comes first. What
// takes microseconds is otherwise measured with the time that a processor, a virtual one above all, takes to wake up.
import { constants, setPriority } from 'node:os';
import { answerParent } from '../processes/parent.js';

const SLICE_MS = 5;
let isAwake = false;

function work(): void {
  const endMs = performance.now() + SLICE_MS;
  while (performance.now() < endMs);
  if (isAwake) setImmediate(work);
}

const answers = {
  begin(): void {
    setPriority(constants.priority.PRIORITY_LOW);
    isAwake = true;
    setImmediate(work);
  },
  end(): void {
    isAwake = false;
  },
};

export type AwakeProgram = typeof answers;
answerParent(answers);
