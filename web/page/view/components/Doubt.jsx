/** The alarm for a known name with another ID; nothing is sent until the person has answered. */
import { useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call, nameOf } from '../actions.js';
import { useEngine } from '../store.js';
import { Key } from './Key.jsx';
import { NameAsk } from './NameAsk.jsx';

/** @param {{contact: import('../../engine/types.js').ShownContact}} props */
export function Doubt({ contact }) {
  const known = useEngine((engine) => engine.contacts.find(({ id }) => id === contact.doubt));
  const [naming, setNaming] = useState(false);
  if (!known) return null;
  const name = nameOf(known);
  if (naming) return <NameAsk contact={contact} suggestion="" focus />;
  return (
    <section
      class="alarm"
      role="alert"
      aria-labelledby="doubt-title"
      data-then=".composer textarea, #name-ask, .thread-foot button"
    >
      <h2 id="doubt-title">{s.doubt.title(name)}</h2>
      <p>
        {s.doubt.text(name)} {s.doubt.advice}
      </p>
      <dl class="facts">
        <dt>{s.doubt.known(name)}</dt>
        <dd>
          <Key value={known.id} />
        </dd>
        <dt>{s.doubt.now}</dt>
        <dd>
          <Key value={contact.id} />
        </dd>
      </dl>
      <div class="buttons">
        <button type="button" class="button button-danger" onClick={() => call('block', { id: contact.id })}>
          {s.doubt.block}
        </button>
        <button type="button" class="button" onClick={() => setNaming(true)}>
          {s.doubt.other}
        </button>
        <button type="button" class="button" onClick={() => call('vouch', { contact: contact.id })}>
          {s.doubt.same(name)}
        </button>
      </div>
    </section>
  );
}
