// Goal: a stream file that is put back from a backup is what it was, whatever later files stand beside it.
import { it } from 'vitest';
import { tryRestoredFile } from './restored-file.js';

it('a file put back after its stream was cut and written on to', tryRestoredFile);
