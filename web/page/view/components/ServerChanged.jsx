/** The alarm when the server shows another key than before; nothing is sent until the person decides. */
import { s } from '../../strings/index.js';
import { call } from '../actions.js';
import { useEngine } from '../store.js';
import { Key } from './Key.jsx';

export function ServerChanged() {
  const changed = useEngine((engine) => engine.server.changed);
  if (!changed) return null;
  return (
    <section class="alarm" role="alert" aria-labelledby="changed-title">
      <h2 id="changed-title">{s.changed.title}</h2>
      <p>
        {s.changed.text} {s.changed.advice}
      </p>
      <dl class="facts">
        <dt>{s.changed.before}</dt>
        <dd>
          <Key value={changed.expected} />
        </dd>
        <dt>{s.changed.now}</dt>
        <dd>
          <Key value={changed.got} />
        </dd>
      </dl>
      <p class="fine">{s.changed.stay}</p>
      <button type="button" class="button button-danger" onClick={() => call('trustServer', { id: changed.got })}>
        {s.changed.trust}
      </button>
    </section>
  );
}
