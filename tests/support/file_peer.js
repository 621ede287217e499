/**
 * A client that says what it likes about files to a `receive --yes`: the messages of docs/protocol.md, section 8.
 *
 *   const filePeer = filePeerOf({ clients, relay: () => relay, open });
 *   const h = await filePeer();
 *   await h.offer(1, 'name', 5); …    files are numbered; all bytes of a file's id are its number
 */
import { createHash } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from '../../web/client/core/wire.js';
import { FILE_DATA, FILE_END, FILE_GET, FILE_OFFER, FILE_SAVED, FILE_STOP } from '../../web/client/wire_table.js';
import { startCli } from './cli.js';
import { event, online } from './js_client.js';
import { tempDir } from './process.js';

const NONE = new Uint8Array(16);
const id = (n) => NONE.map(() => n);
const bytes = (text) => (typeof text === 'string' ? new TextEncoder().encode(text) : text);

/** `relay` is a function, because the relay is started later. `open`: the programs that were started. */
export function filePeerOf({ clients, relay, open }) {
  /**
   * @param {{env?: object, run?: (words: string[], where: object) => Program, words?: string[]}} [options]
   *   run: starts `receive` another way; words: further words of its command line
   */
  return async ({ env, words = ['--yes', '--json'], run = (all, where) => startCli(where, ...all) } = {}) => {
    const folder = mkdtempSync(join(tempDir('pairlink-outer-'), 'inner-'));
    const client = await online(await clients.make({ application: 'chat/1', acceptAll: true }));
    const incoming = event(client, 'session');
    const receive = run(['receive', '--into', folder, '--from', client.id, ...words], { relay: relay(), env });
    open.push(receive);
    const session = await incoming;
    if (session.state !== 'linked') await event(session, 'linked');
    const say = (message, fields, channel = 0) => session.send(encode(message, fields), { channel });
    const offer = (n, name, size, more = {}) =>
      say('file_offer', {
        type: FILE_OFFER,
        id: id(n),
        flags: 0,
        size,
        group: NONE,
        group_files: 0,
        group_bytes: 0,
        name: bytes(name),
        media_type: bytes(''),
        ...more,
      });
    const data = (n, offset, content) =>
      say('file_data', { type: FILE_DATA, id: id(n), offset, bytes: bytes(content) }, 1);
    const end = (n, content, sha = createHash('sha256').update(content).digest()) =>
      say('file_end', { type: FILE_END, id: id(n), size: content.length, sha256: new Uint8Array(sha) }, 1);
    const stop = (n, why) => say('file_stop', { type: FILE_STOP, id: id(n), why });
    const heard = (type, n) =>
      event(session, 'message', ({ channel, data: d }) => channel === 0 && d[0] === type && d[1] === n);
    return {
      folder,
      client,
      session,
      receive,
      say,
      offer,
      data,
      end,
      stop,
      wanted: (n) => heard(FILE_GET, n),
      stopped: (n) => heard(FILE_STOP, n),
      saved: (n) => heard(FILE_SAVED, n),
    };
  };
}
