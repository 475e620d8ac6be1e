/** What `ds-relay` can be told: the one place where each option, its default and its limits stand. */

import { checkConnect, connectOptions, field, type Options } from '@ds/app-kit';
import {
  clientAccessOptions,
  limitOptions,
  monitorOptions,
  storageOptions,
  workerOptions,
} from '@ds/serving-kit';

export const options = {
  upstream: field.addressList().meta({
    description: 'server or relay to follow, at its port for clients; several take the place of each other',
  }),
  file: field.path().meta({
    description:
      "the relay's own stream file, made if it is missing; its bookmark index NAME.db stands beside it",
  }),
  host: field.host().default('0.0.0.0').meta({ description: 'address to listen on for clients' }),
  port: field.port().default(7900).meta({ description: 'port for clients; 0 takes a free one' }),
  ...clientAccessOptions,
  ...connectOptions,
  streamType: field.u64().default(1n).meta({
    description: "the upstream's stream type, which is part of every question to it; 1 is a sequencer's",
  }),
  onMismatch: field.choice(['stop', 'truncate', 'restart']).default('stop').meta({
    description:
      "what to do when the file is not the upstream's stream: end, cut what differs, or start with an empty one",
  }),
  connectTimeout: field
    .duration({ min: 1 })
    .default(10_000)
    .meta({ description: 'time to connect to the upstream' }),
  answerTimeout: field
    .duration({ min: 1 })
    .default(10_000)
    .meta({ description: 'time for the upstream to answer' }),
  retryInterval: field
    .duration({ min: 100 })
    .default(10_000)
    .meta({ description: 'longest wait before an upstream that is lost is tried again' }),
  ...storageOptions,
  ...workerOptions,
  ...limitOptions,
  ...monitorOptions,
  readyBehindMax: field
    .integer({ max: Number.MAX_SAFE_INTEGER })
    .default(10_000)
    .meta({ description: 'entries behind its upstream above which the relay says that it is not ready' }),
  headInterval: field.duration({ min: 10 }).default(5_000).meta({
    description: 'time between questions to the upstream how many entries it has, with --metrics-port',
  }),
};

/** What is wrong with options that are each right by themselves. */
export function checkOptions(given: Options<typeof options>): string | undefined {
  if (given.upstream.some(({ port }) => port === 0)) return '--upstream needs a port above 0';
  return checkConnect(given);
}
