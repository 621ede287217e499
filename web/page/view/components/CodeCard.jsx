/** An invitation's code: large and spelt out, with its state in words. */
import { useEffect, useRef } from 'preact/hooks';
import { s, wordsFor } from '../../strings/index.js';
import { call } from '../actions.js';
import { say } from '../spoken.js';
import { useEngine } from '../store.js';
import { CopyButton } from './CopyButton.jsx';

/** @param {{secret: string, code: import('../../engine/types.js').ShownCode, now: number}} props */
export function CodeCard({ secret, code, now }) {
  const online = useEngine((engine) => engine.server.state === 'online');
  const { state, text } = code;
  const asked = useRef(false); // the first code is expected on this screen, another one is announced
  useEffect(() => {
    if (state === 'ready' && text && asked.current) say(s.code.fresh(text));
  }, [state, text]);

  const card = useRef(/** @type {HTMLDivElement | null} */ (null));
  const again = () => {
    asked.current = true;
    card.current?.focus(); // the button goes away
    void call('newCode', { secret });
  };
  return (
    <div class="code-card" ref={card} tabIndex={-1} role="group" aria-labelledby="code-title">
      <Contents code={code} now={now} online={online} again={again} />
    </div>
  );
}

/**
 * @param {{code: import('../../engine/types.js').ShownCode, now: number, online: boolean, again: () => void}} props
 */
function Contents({ code: { state, text, expiresAt, busy, problem }, now, online, again }) {
  if (state === 'making' || (state === 'ready' && !text))
    return <p class="code-text code-making">{online ? s.code.making : s.code.offline}</p>;
  if (state !== 'ready' || !text || !expiresAt || expiresAt <= now) {
    const why = state === 'none' ? 'none' : state === 'ready' ? 'ETIMEDOUT' : problem;
    const words = wordsFor(s.code.problem, why) ?? s.code.problem.other;
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
        <CopyButton text={text} label={s.code.copy} />
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

/** @param {{text: string}} props */
function CodeText({ text }) {
  const parts = text.split('-');
  return (
    <div class="code-text" role="group" aria-label={s.code.label}>
      <p class="code-whole" dir="ltr" translate={false}>
        {parts.map((part, index) => (
          <span key={index} class={index === 0 ? 'code-number' : undefined}>
            {part}
            {index < parts.length - 1 && '-'}
            <wbr />
          </span>
        ))}
      </p>
      <p class="fine code-spelled" translate={false}>
        <span class="visually-hidden">{s.code.spelled}: </span>
        <span dir="ltr">{parts.map((part) => Array.from(part).join('\u200a')).join(' \u2013 ')}</span>
      </p>
    </div>
  );
}
