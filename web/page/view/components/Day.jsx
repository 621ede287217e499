import { s } from '../../strings/index.js';
import { memo } from '../memo.js';

/** The line above the first message of a day. A click offers to go to another day. */
export const Day = memo(
  /** @param {{at: number, today: number, choose: (at: number) => void}} props at, today: the starts of days */ ({
    at,
    today,
    choose,
  }) => (
    <li class="day">
      <button type="button" class="day-name" title={s.thread.toDate} onClick={() => choose(at)}>
        {s.day(at, today)}
      </button>
    </li>
  ),
);
