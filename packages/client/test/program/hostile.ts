// Asks a hostile server something, and reports which error it got, and how much memory it took.
//
//   header | entry | follow ADDRESS [AUTHORITY]      over TLS if there is an authority
//   stall ADDRESS [AUTHORITY]                        takes one batch, and then no more for a while
import { StreamClient } from '../../src/index.js';
import { report } from '../support/bounded.js';

const STALLED_MS = 1_000;

const [what, server = '', ca] = process.argv.slice(2);
const client = new StreamClient({
  server,
  answerMs: 300,
  connectMs: 5_000,
  retry: { attemptsMax: 0 },
  ...(ca !== undefined && { tls: { ca } }),
});

await report(async () => {
  if (what === 'header') await client.header();
  else if (what === 'entry') await client.entry(1n);
  else {
    const following = client.followBatches();
    await following.next();
    // Whatever comes now is more than anybody takes.
    if (what === 'stall') await new Promise((resolve) => setTimeout(resolve, STALLED_MS));
    else while (!(await following.next()).done);
  }
  return 'none';
});
