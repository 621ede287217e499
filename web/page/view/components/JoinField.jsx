/** One field that takes a link or an ID, and says at once what is wrong with it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call, join, nameOf } from '../actions.js';
import { store } from '../store.js';

export function JoinField({ problem: problemBefore }) {
  const [text, setText] = useState('');
  const [found, setFound] = useState(problemBefore ? { kind: 'bad', problem: problemBefore } : { kind: 'empty' });
  const asked = useRef(0);
  const field = useRef(null);

  const look = async (typed) => {
    setText(typed);
    const turn = ++asked.current;
    const answer = await call('inspect', { text: typed });
    if (turn === asked.current) setFound(answer);
  };
  useEffect(() => {
    if (problemBefore) field.current?.focus();
  }, [problemBefore]);

  const submit = async (event) => {
    event.preventDefault();
    const answer = await call('inspect', { text });
    if (answer.kind === 'link' || answer.kind === 'id') {
      const problem = await join(text);
      if (!problem) return;
      answer.problem = problem;
    }
    setFound({ ...answer, kind: 'bad', problem: answer.problem ?? 'empty' });
    field.current?.focus();
  };

  const wrong = found.kind === 'bad';
  return (
    <form class="join" onSubmit={submit} noValidate>
      <label for="join-text">{s.join.label}</label>
      <textarea
        id="join-text"
        ref={field}
        class="field field-code"
        rows={2}
        dir="ltr"
        value={text}
        placeholder={s.join.placeholder}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        aria-invalid={wrong}
        aria-describedby="join-note"
        onInput={(event) => look(event.currentTarget.value)}
        onKeyDown={(event) => event.key === 'Enter' && !event.isComposing && submit(event)}
      />
      <p id="join-note" class={`note ${wrong ? 'note-bad' : ''}`} role="status">
        {noteOf(found)}
      </p>
      <button type="submit" class="button button-wide">
        {found.kind === 'id' ? s.join.ask : s.join.action}
      </button>
    </form>
  );
}

function noteOf({ kind, problem, id }) {
  if (kind === 'link' || kind === 'id') {
    const known = store.get().engine.contacts.find((contact) => contact.id === id && contact.pairedAt);
    if (known) return s.join.known(nameOf(known));
    return kind === 'link' ? s.join.looksLink : s.join.looksId;
  }
  return problem ? s.join.problem[problem] : '';
}
