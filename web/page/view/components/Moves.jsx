/** The ways out of the middle of a thread: to a day, back to where one was, and to the newest message. */
import { useEffect } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { store, useStore } from '../store.js';
import { jumpBack, jumpToNewest } from '../threads.js';
import { Icon } from './Icon.jsx';

/** So long the way back is offered to who has come to the end. */
const BACK_MS = 15_000;

/**
 * @param {{contact: import('../../engine/types.js').ShownContact, away: boolean, choose: (at: number) => void}} props
 *   away: the end is not on the screen
 */
export function Moves({ contact: { id, unread }, away, choose }) {
  const back = useStore(({ back }) => back?.contact === id && back);
  useEffect(() => {
    if (!back || away) return undefined;
    const timer = setTimeout(() => store.set({ back: null }), BACK_MS);
    return () => clearTimeout(timer);
  }, [back, away]);
  return (
    <div class="moves">
      {back && (
        <button type="button" class="button button-small move" onClick={jumpBack}>
          {s.thread.back}
        </button>
      )}
      {away && (
        <>
          <button
            type="button"
            class="button button-small move"
            aria-label={s.thread.toDate}
            title={s.thread.toDate}
            onClick={() => choose(Date.now())}
          >
            <Icon name="calendar" />
          </button>
          <button type="button" class="button button-small move" onClick={() => jumpToNewest(id)}>
            <Icon name="down" />
            {unread > 0 ? s.thread.fresh(unread) : s.thread.newest}
          </button>
        </>
      )}
      <span class="visually-hidden" role="status">
        {away && unread > 0 ? s.thread.fresh(unread) : ''}
      </span>
    </div>
  );
}
