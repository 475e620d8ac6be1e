// Goal: what a command leads to is what the protocol says, in every state, and the documentation says the same. The
// table is held against the error numbers as published, the golden exchanges, and docs/protocol.md.
import { describe, expect, it } from 'vitest';
import { conversation, result, ResultCode, type ClientCommand, type Transition } from '../src/index.js';
import { goldenExchanges, goldenTokenExchanges } from './golden.js';
import { codeUnder, readDocument, tableUnder } from './support/markdown.js';

const states = ['stopped', 'streaming'] as const;
const commandNames: Record<ClientCommand['kind'], string> = {
  start: 'Start',
  startBookmark: 'StartBookmark',
  stop: 'Stop',
  header: 'Header',
  entry: 'Entry',
  bookmark: 'Bookmark',
  authenticate: 'Authenticate',
};
const kinds = Object.keys(commandNames) as ClientCommand['kind'][];
const cases = states.flatMap((state) =>
  kinds.map((kind) => ({ state, kind, transition: conversation[state][kind] })),
);

describe('The conversation', () => {
  it('knows every command in every state', () => {
    for (const state of states) expect(Object.keys(conversation[state]).sort()).toEqual([...kinds].sort());
  });

  it('refuses with the published error numbers, and 33', () => {
    const refusals = cases.map(({ state, kind, transition }) => [state, kind, transition.refusal]);
    expect(refusals).toEqual([
      ['stopped', 'start', 3],
      ['stopped', 'startBookmark', 4],
      ['stopped', 'stop', 2],
      ['stopped', 'header', undefined],
      ['stopped', 'entry', undefined],
      ['stopped', 'bookmark', undefined],
      ['stopped', 'authenticate', 33],
      ['streaming', 'start', 1],
      ['streaming', 'startBookmark', 1],
      ['streaming', 'stop', undefined],
      ['streaming', 'header', 1],
      ['streaming', 'entry', 1],
      ['streaming', 'bookmark', 1],
      ['streaming', 'authenticate', 1],
    ]);
  });

  it('closes for Stop when nothing is streamed and for all but Stop during a stream, and for nothing else', () => {
    const closing = cases.filter(({ transition }) => transition.next === 'closed');
    expect(closing.map(({ state, kind }) => `${state} ${kind}`)).toEqual([
      'stopped stop',
      'streaming start',
      'streaming startBookmark',
      'streaming header',
      'streaming entry',
      'streaming bookmark',
      'streaming authenticate',
    ]);
  });

  it('closes for a wrong token', () => {
    const closing = cases.filter(({ transition }) => transition.closes);
    expect(closing.map(({ state, kind }) => `${state} ${kind}`)).toEqual(['stopped authenticate']);
  });

  it('closes wherever a command is always refused, and nowhere else', () => {
    for (const { transition } of cases) {
      expect(transition.next === 'closed').toBe(transition.answer === 'refused');
      if (transition.answer === 'refused') expect(transition.refusal).toBeDefined();
    }
  });
});

describe.each(cases)('$kind while $state', ({ state, kind, transition }) => {
  // What all other commands are refused with where a token is asked for is not of their own.
  const tables = kind === 'authenticate' ? [...goldenExchanges, ...goldenTokenExchanges] : goldenExchanges;
  const exchanges = tables.filter(
    ({ command, ...exchange }) => exchange.state === state && 'kind' in command && command.kind === kind,
  );
  /** What may follow a Result OK. */
  const followers: Record<Transition['answer'], readonly string[]> = {
    nothing: [],
    header: ['header'],
    entry: ['answer'],
    stream: ['entry'],
    refused: [],
  };

  it('goes in the golden exchanges as the table says', () => {
    expect(exchanges.length).toBeGreaterThan(0);
    for (const { packets, closes } of exchanges) {
      const [first, ...rest] = packets;
      if (first?.kind !== 'result') throw new Error('an answer starts with a result');
      const ok = first.code === ResultCode.ok;
      if (!ok) expect(first.code).toBe(transition.refusal);
      expect(ok && transition.answer === 'refused').toBe(false);
      expect(closes).toBe(closesAt(transition, ok));
      for (const packet of rest) expect(followers[transition.answer]).toContain(packet.kind);
    }
  });

  it('meets its refusal in the golden exchanges, if it can have one', () => {
    const codes = exchanges
      .map(({ packets }) => (packets[0] as { code: number }).code)
      .filter((code) => code !== 0);
    expect([...new Set(codes)]).toEqual(transition.refusal === undefined ? [] : [transition.refusal]);
  });
});

describe('docs/protocol.md', () => {
  const document = readDocument('docs/protocol.md');

  it('has the table of the conversation', () => {
    expect(tableUnder(document, '### What each command leads to')).toEqual(cases.map(tableRow));
  });

  it('has the diagram of the conversation', () => {
    const transitions = codeUnder(document, 'mermaid', '### States')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line.includes('-->') && !line.includes('[*]'));
    expect(transitions.sort()).toEqual(diagramLines().sort());
  });
});

/** Whether a connection is closed behind this answer. */
function closesAt({ next, closes = false }: Transition, ok: boolean): boolean {
  return next === 'closed' || (closes && !ok);
}

/** One row of the documentation's table. */
function tableRow({ state, kind, transition }: (typeof cases)[number]): string[] {
  const { answer, next, refusal } = transition;
  const answers: Record<Transition['answer'], string> = {
    nothing: 'Result OK',
    header: 'Result OK, header entry',
    entry: 'Result OK, answer entry',
    stream: 'Result OK, entries without end',
    refused: 'never',
  };
  return [
    state,
    commandNames[kind],
    answers[answer],
    next === 'closed' ? '' : next,
    refusal === undefined ? '' : `${refusal} ${result(refusal).text}`,
    refusal === undefined ? '' : closesAt(transition, false) ? 'closed' : 'stopped',
  ];
}

/** The diagram's transitions: a number in brackets is that of the error that goes with it. */
function diagramLines(): string[] {
  const labels = new Map<string, string[]>();
  const add = (from: string, to: string, label: string): void => {
    const arrow = `${from} --> ${to}`;
    labels.set(arrow, [...(labels.get(arrow) ?? []), label]);
  };
  for (const { state, kind, transition } of cases) {
    const { answer, next, refusal } = transition;
    if (answer !== 'refused') add(state, next, commandNames[kind]);
    if (refusal !== undefined) {
      add(state, closesAt(transition, false) ? 'closed' : 'stopped', `${commandNames[kind]} (${refusal})`);
    }
  }
  for (const state of states) add(state, 'closed', `invalid (${ResultCode.invalidCommand})`);
  return Array.from(labels, ([arrow, names]) => `${arrow}: ${names.join(', ')}`);
}
