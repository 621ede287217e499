/** Strangers who ask to connect: quiet rows that never take the focus. */
import { useEffect, useRef } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { allow, call, nameOf } from '../actions.js';
import { say } from '../spoken.js';
import { useEngine } from '../store.js';

export function Knocks() {
  const knocks = useEngine((engine) => engine.knocks);
  const said = useRef(/** @type {Set<string>} */ (new Set()));
  useEffect(() => {
    for (const knock of knocks) {
      if (said.current.has(knock.id)) continue;
      said.current.add(knock.id);
      say(s.knock.arrived(knock.id.slice(-4)));
    }
  }, [knocks]);
  if (knocks.length === 0) return null;
  return (
    <section class="knocks" aria-labelledby="knocks-title">
      <h2 id="knocks-title">{s.knock.title}</h2>
      <ul>
        {knocks.map((knock) => (
          <KnockRow key={knock.id} knock={knock} />
        ))}
      </ul>
      <p class="fine">{s.knock.more}</p>
    </section>
  );
}

/** @param {{knock: import('../../engine/types.js').ShownKnock}} props */
function KnockRow({ knock }) {
  const known = useEngine((engine) => engine.contacts.find(({ id }) => id === knock.known));
  /** @param {'ignore' | 'block'} cmd */
  const act = (cmd) => () => call(cmd, { id: knock.id });
  return (
    <li class="knock">
      <p>
        {s.knock.arrived(knock.id.slice(-4))}
        {knock.name && <> {s.knock.says(knock.name)}</>}
      </p>
      {known && <p class="note-box note-box-bad">{s.knock.known(nameOf(known))}</p>}
      <div class="buttons">
        <button type="button" class="button button-small button-main" onClick={() => allow(knock.id)}>
          {s.knock.allow}
        </button>
        <button type="button" class="button button-small" onClick={act('ignore')}>
          {s.knock.ignore}
        </button>
        <button type="button" class="button button-small button-quiet" onClick={act('block')}>
          {s.knock.block}
        </button>
      </div>
    </li>
  );
}
