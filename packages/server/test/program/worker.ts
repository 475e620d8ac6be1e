// A worker, from the sources: for servers that tests run in their own process.
import '../../src/workers/worker-program.js';
