// Ends a test run with one plain line, `412 passed, 0 failed, 3 skipped`, for people and for CI to read. A file
// that does not load and an error outside of any test count as failed; without skipped tests that part is left out.
import { writeSync } from 'node:fs';

/** A vitest reporter; goes behind the others. */
export default class TotalsReporter {
  onTestRunEnd(testModules, unhandledErrors) {
    const totals = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    for (const module of testModules) {
      totals.failed += module.errors().length;
      for (const test of module.children.allTests()) totals[test.result().state] += 1;
    }
    const skipped = totals.skipped + totals.pending;
    const line = `${totals.passed} passed, ${totals.failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`;
    // Coverage is reported after the tests: this line waits for the process to end.
    process.once('exit', () => writeSync(process.stdout.fd, line));
  }
}
