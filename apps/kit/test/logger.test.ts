/** Goal: a collector gets one JSON object a line, a person at a terminal gets text; both at once, nothing buffered. */

import { describe, expect, it } from 'vitest';
import { createLogger, type LogLevel } from '../src/index.js';

function logged(isTTY: boolean, level: LogLevel = 'info'): string {
  let text = '';
  const logger = createLogger('ds-server', level, { isTTY, write: (line) => (text += line) });
  logger.debug('detail');
  logger.info({ port: 6900, id: 2n ** 64n - 1n }, 'listening');
  return text;
}

describe('logs', () => {
  it('are JSON where nobody looks', () => {
    const line = logged(false);
    expect(line.endsWith('}\n')).toBe(true);
    expect(JSON.parse(line)).toMatchObject({
      level: 'info',
      name: 'ds-server',
      port: 6900,
      msg: 'listening',
    });
    expect(line).toContain('"id":18446744073709551615');
  });

  it('are text on a terminal', () => {
    const line = logged(true);
    expect(line).toMatch(/INFO.*listening/);
    // Whatever progress is being shown on the line makes room.
    expect(line.startsWith('\r\u001b[K')).toBe(true);
    expect(line).not.toContain('"level"');
  });

  it('leave out what is below their level', () => {
    expect(logged(false, 'debug')).toContain('detail');
    expect(logged(false, 'info')).not.toContain('detail');
    expect(logged(false, 'silent')).toBe('');
  });
});
