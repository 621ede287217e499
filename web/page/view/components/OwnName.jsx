/**
 * Asks for this person's own name before the first pairing. Nobody has to answer: what is typed is kept at once, and
 * reaches the other side with the pairing.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call } from '../actions.js';
import { mayOffer } from '../own-name.js';
import { store, useEngine } from '../store.js';

const KEEP_AFTER_MS = 300;

/** @param {{id: string}} props */
export function OwnName({ id }) {
  const [asks] = useState(mayOffer);
  const kept = useEngine((engine) => engine.me.name);
  const [name, setName] = useState('');
  const timer = useRef(/** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined));
  const last = useRef('');
  const keep = () => {
    clearTimeout(timer.current);
    if (last.current.trim() !== (store.get().engine?.me.name ?? ''))
      void call('setName', { name: last.current.trim() });
  };
  useEffect(() => keep, []); // also when the screen goes away before the time is over
  if (!asks) return null;
  /** @param {import('preact').TargetedEvent<HTMLInputElement>} event */
  const change = (event) => {
    last.current = event.currentTarget.value;
    setName(last.current);
    clearTimeout(timer.current);
    timer.current = setTimeout(keep, KEEP_AFTER_MS);
  };
  return (
    <div class="own-name">
      <label for={id}>
        {s.invite.yourName} <span class="fine">{s.invite.yourNameMore}</span>
      </label>
      <input
        id={id}
        class="field"
        dir={name ? 'auto' : undefined}
        value={name}
        maxLength={48}
        autocomplete="nickname"
        onInput={change}
        onChange={keep}
      />
      <p class="fine" role="status">
        {name.trim() && kept === name.trim() ? s.settings.saved : ''}
      </p>
    </div>
  );
}
