/** Says once what the browser turns off for pages on plain HTTP. */
import { s } from '../../strings/index.js';
import { call } from '../actions.js';
import { useEngine } from '../store.js';

const UNDERSTOOD = 'plain-1';

export function PlainBanner() {
  const needed = useEngine((engine) => !engine.secure && engine.banner !== UNDERSTOOD);
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
        {s.ok}
      </button>
    </section>
  );
}
