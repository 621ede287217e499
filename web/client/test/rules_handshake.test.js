/** What a handshake says about a peer (docs/protocol.md, section 5), and what a relay may say when (section 9). */
import { beforeAll, expect, test } from 'vitest';
import { loadSodium } from '../core/sodium.js';
import { utf8 } from '../core/bytes.js';
import { encode, makeEnvelope, readExtensions, writeExtensions } from '../core/wire.js';
import { ENVELOPE, EXTENSION } from '../wire_table.js';
import { World } from './model.js';

beforeAll(loadSodium);

test('the first of two extensions counts', () => {
  const list = writeExtensions([
    [EXTENSION.NAME, utf8('ab')],
    [EXTENSION.NAME, utf8('c')],
  ]);
  expect(readExtensions(list).get(EXTENSION.NAME)).toEqual(utf8('ab'));
});

test('a name that is too long counts as no name', () => {
  const world = new World();
  const bo = world.peer('bo').start();
  const ana = world.peer('ana').start();
  ana.engine.nameBytes = new Uint8Array(65).fill(97);
  ana.connect(bo);
  world.until(() => bo.last('knock'), 'knock');
  expect(bo.last('knock').name).toBe('');
});

test('GOING_AWAY before WELCOME is out of turn', () => {
  const world = new World();
  const ana = world.peer('ana').start();
  ana.do('socket_open');
  ana.do('socket_message', {
    data: makeEnvelope(ENVELOPE.GOING_AWAY, encode('going_away', { delay_ms: 0, urls: new Uint8Array(0) })),
  });
  expect(ana.last('offline').error).toBe('EPROTOCOL');
});
