/** Has the servers of a test file serve their clients by workers, when it is imported before them. */
import { fileURLToPath } from 'node:url';

import { afterAll } from 'vitest';

import { BundledProgram } from '../../../stream-file/test/bundled-program.js';
import { serving } from './stream.js';

const folder = fileURLToPath(new URL('../..', import.meta.url));
const program = await BundledProgram.of('worker', { folder });
afterAll(() => program[Symbol.asyncDispose]());

serving.workers = { count: 2, program: program.path };
