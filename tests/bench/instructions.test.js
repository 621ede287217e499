/** Tests the counting of instructions itself, with one small cell. */
import { expect, test } from 'vitest';
import { INSTRUCTIONS } from './parts/instructions.mjs';

test.skipIf(INSTRUCTIONS.missing())('instructions are counted', { timeout: 300_000 }, async () => {
  const cells = { 'two pairs': { pairs: 2, window: 1, size: 64, servers: ['raw', 'pairlink'] } };
  const figures = await INSTRUCTIONS.measure({ cells, span: 0.4, logins: 20, messages: 2_000, sessions: 2 });
  const { raw, pairlink } = figures.envelope['two pairs'];
  expect(raw).toBeGreaterThan(1);
  expect(pairlink).toBeGreaterThan(raw);
  expect(figures.login.known_id).toBeGreaterThan(10_000);
  expect(figures.login.new_id).toBeGreaterThan(10_000);
  expect(figures.message).toBeGreaterThan(1_000);
  expect(INSTRUCTIONS.lines(figures).join()).not.toMatch(/NaN|undefined|–/);
});
