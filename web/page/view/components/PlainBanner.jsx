/** On plain HTTP the browser switches off what it grants to safe pages only: says what, once. */
import { s } from '../../strings/index.js';
import { call } from '../actions.js';
import { useStore } from '../store.js';

const UNDERSTOOD = 'plain-1';

export function PlainBanner() {
  const needed = useStore(({ engine }) => !engine.secure && engine.banner !== UNDERSTOOD);
  if (!needed) return null;
  return (
    <section class="banner banner-warn" aria-label={s.plain.title}>
      <p>
        <strong>{s.plain.title}</strong> {s.plain.text}
      </p>
      <button
        type="button"
        class="button button-small"
        onClick={() => call('setSetting', { key: 'banner', value: UNDERSTOOD })}
      >
        {s.plain.fine}
      </button>
    </section>
  );
}
