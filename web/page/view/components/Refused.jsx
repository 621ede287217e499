/** In place of the composer: the other side does not let this one in, and what can be done about it. */
import { s } from '../../strings/index.js';
import { call } from '../actions.js';

/**
 * @param {{contact: import('../../engine/types.js').ShownContact, name: string, why: 'over' | 'late' | 'closed' |
 *   'gone'}} props
 */
export function Refused({ contact, name, why }) {
  const words = {
    over: s.thread.refused,
    late: s.thread.refusedLate,
    closed: s.thread.refusedAsk,
    gone: s.thread.refusedGone(name),
  };
  return (
    <div class="thread-foot">
      <p>{words[why]}</p>
      <button type="button" class="button" onClick={() => call('ask', { contact: contact.id })}>
        {why === 'over' || why === 'late' ? s.thread.ask : s.thread.askAgain}
      </button>
    </div>
  );
}
