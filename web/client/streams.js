/** Web streams over a channel: streams of bytes without message boundaries. */

import { checkMessage } from './core/check.js';

const PIECE_BYTES = 65536;

/** @typedef {import('./core/check.js').Bytes} Bytes */
/** @typedef {import('./inbox.js').Inbox} Inbox */
/** @typedef {import('./session.js').Session} Session */

/** Returns a stream that takes one message per read, so that the sender waits while nothing is read.
 * @param {Inbox} inbox
 * @returns {ReadableStream<Uint8Array>} */
export function readableOf(inbox) {
  /** @type {(() => void) | null} resolves the pending read */
  let asked = null;
  const answer = () => {
    asked?.();
    asked = null;
  };
  return new ReadableStream(
    {
      start(controller) {
        inbox.reader = {
          wants: () => asked !== null,
          data(data, taken) {
            if (data.length) {
              controller.enqueue(data);
              answer();
            }
            taken();
          },
          end() {
            controller.close();
            answer();
          },
          error(error) {
            controller.error(error);
            answer();
          },
        };
        if (inbox.error) controller.error(inbox.error);
      },
      pull() {
        return new Promise((resolve) => {
          asked = resolve;
          inbox.drain();
        });
      },
      cancel() {
        // Keep reading and discard the data; otherwise the sender would wait for ever.
        inbox.reader = { wants: () => true, data: (_, taken) => taken(), end() {}, error() {} };
        inbox.drain();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Returns a stream that sends to a channel. Its close resolves once everything is delivered; its abort resets the
 * channel.
 * @param {Session} session @param {number} channel
 * @returns {WritableStream<Bytes | string>} */
export function writableOf(session, channel) {
  return new WritableStream({
    start(controller) {
      session.closed.then(({ error }) => controller.error(error ?? new Error('the session is closed')));
    },
    async write(chunk) {
      const bytes = checkMessage(chunk, true);
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        await session.send(bytes.subarray(at, at + PIECE_BYTES), { channel });
      }
    },
    async close() {
      const { delivered } = await session.finish(channel);
      await delivered;
    },
    abort() {
      if (session.state !== 'closed') session.resetChannel(channel);
    },
  });
}
