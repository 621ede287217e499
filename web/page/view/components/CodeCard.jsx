/** An invitation's code: large, spelt out, with what happens to it in words. */
import { useEffect, useRef } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call, say } from '../actions.js';
import { useStore } from '../store.js';
import { CopyButton } from './CopyButton.jsx';

export function CodeCard({ secret, code, now }) {
  const online = useStore(({ engine }) => engine.server.state === 'online');
  const { state, text, expiresAt, busy, problem } = code;
  const asked = useRef(false); // the first code is what the screen is about, a further one is news
  useEffect(() => {
    if (state === 'ready' && asked.current) say({ text: s.code.fresh(text) });
  }, [state, text]);

  const again = () => {
    asked.current = true;
    call('newCode', { secret });
  };
  if (state === 'making' || (state === 'ready' && !text))
    return <p class="code-text code-making">{online ? s.code.making : s.code.offline}</p>;
  if (state !== 'ready' || expiresAt <= now) {
    const words = s.code.problem[state === 'ready' ? 'ETIMEDOUT' : problem] ?? s.code.problem.other;
    return (
      <div class="code-over">
        <p class={problem === 'EWRONGCODE' ? 'note-box' : ''} role="status">
          {words}
        </p>
        <button type="button" class="button button-main" onClick={again} disabled={!online}>
          {s.code.again}
        </button>
      </div>
    );
  }
  return (
    <>
      <CodeText text={text} />
      <div class="buttons">
        <CopyButton text={text} label={s.code.copy} main />
        <p class="fine code-left">{s.code.left(expiresAt - now)}</p>
      </div>
      <div role="status">
        {busy > 0 && (
          <div class="note-box code-busy">
            <p>{s.code.busy}</p>
            <button type="button" class="button button-small" onClick={again}>
              {s.code.again}
            </button>
          </div>
        )}
      </div>
    </>
  );
}

function CodeText({ text }) {
  const parts = text.split('-');
  return (
    <div class="code-text" role="group" aria-label={s.code.label}>
      <p class="code-whole" dir="ltr" translate="no">
        {parts.map((part, index) => (
          <span key={index} class={index === 0 ? 'code-number' : undefined}>
            {part}
            {index < parts.length - 1 && '-'}
            <wbr />
          </span>
        ))}
      </p>
      <p class="fine code-spelled" translate="no">
        <span class="visually-hidden">{s.code.spelled}: </span>
        <span dir="ltr">{parts.map((part) => Array.from(part).join('\u200a')).join(' \u2013 ')}</span>
      </p>
    </div>
  );
}
