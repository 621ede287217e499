/** Details for the curious and for bug reports: the only place with technical words. */
import { useEffect, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call, nameOf } from '../actions.js';
import { useEngine, useStore } from '../store.js';
import { CopyButton } from './CopyButton.jsx';
import { Key } from './Key.jsx';

export function Details() {
  const engine = useEngine((state) => state);
  const mode = useStore(({ mode }) => mode);
  const offline = useStore(({ offline }) => offline);
  const [open, setOpen] = useState(false);
  const [more, setMore] = useState(
    /** @type {import('../../engine/types.js').Answer<'details'>} */ ({ sessions: [], log: [] }),
  );
  useEffect(() => {
    if (open) void call('details').then(setMore);
  }, [open, engine]);

  const { server } = engine;
  const log = more.log.map(({ at, text }) => `${new Date(at).toISOString().slice(11, 23)} ${text}`).join('\n');
  /** @param {string} id */
  const nameFor = (id) => {
    const contact = engine.contacts.find((one) => one.id === id);
    return contact ? nameOf(contact) : `…${id.slice(-4)}`;
  };
  return (
    <details class="details" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {s.details.heading} <span class="fine">{s.details.more}</span>
      </summary>
      <dl class="facts">
        <dt>{s.details.yourId}</dt>
        <dd>
          <Key value={engine.me.id} />
          <p class="fine">{s.details.yourIdMore}</p>
          <CopyButton text={engine.me.id} label={s.settings.copyId} />
        </dd>
        <dt>{s.details.relay}</dt>
        <dd>
          <Key value={server.relayId ?? server.pinned} />
          {server.pinned && <span class="fine"> {s.details.pinned}</span>}
        </dd>
        <dt>{s.details.address}</dt>
        <dd>{location.origin}</dd>
        <dt>{s.details.state}</dt>
        <dd>{s.details.states[server.state]}</dd>
        <dt>{s.details.tabs}</dt>
        <dd>{s.details.modes[mode]}</dd>
        <dt>{s.details.offline}</dt>
        <dd>{s.details.offlineStates[offline]}</dd>
        <dt>{s.details.sessions}</dt>
        <dd>
          {more.sessions.length === 0 && s.details.noSessions}
          <ul class="plain">
            {more.sessions.map((session, index) => (
              <li key={index}>
                <bdi>{nameFor(session.id)}</bdi>: {s.details.sessionState[session.state]} {session.application}{' '}
                {session.current && s.details.current}
              </li>
            ))}
          </ul>
        </dd>
      </dl>
      <h2>{s.details.log}</h2>
      <pre class="log" dir="ltr" tabIndex={0} role="region" aria-label={s.details.log}>
        {log}
      </pre>
      <CopyButton text={() => log} label={s.details.copyLog} />
    </details>
  );
}
