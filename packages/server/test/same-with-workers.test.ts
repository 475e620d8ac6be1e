// Goal: clients that are served by workers see no difference. All that is asked of a server's clients' side is asked of one
// with workers, too: the tests are the same, and what they start serves by workers.
import './support/workers.js';

import './closing.test.js';
import './conversation.test.js';
import './limits.test.js';
import './streaming.test.js';
import './tls.test.js';
