// Asks a hostile server something, and reports which error it got, and how much memory it took.
//
//   WAITS header | entry | follow ADDRESS [AUTHORITY]      over TLS if there is an authority
//   WAITS stall ADDRESS [AUTHORITY]                        takes one batch, and then no more for a while
import { StreamClient } from '../../src/index.js';
import { report, type Waits } from '../support/bounded.js';

const [waits = '', what, server = '', ca] = process.argv.slice(2);
const { answerMs, stalledMs } = JSON.parse(waits) as Waits;
const client = new StreamClient({
  server,
  answerMs,
  connectMs: 60_000,
  retry: { attemptsMax: 0 },
  tls: ca === undefined ? undefined : { ca },
});

await report(async () => {
  if (what === 'header') await client.header();
  else if (what === 'entry') await client.entry(1n);
  else {
    const following = client.followBatches();
    await following.next();
    // Whatever comes now is more than anybody takes.
    if (what === 'stall') await new Promise((resolve) => setTimeout(resolve, stalledMs));
    else while (!(await following.next()).done);
  }
  return 'none';
});
