/**
 * One field that takes a code, a link or an ID, completes the words of a code, and says at once what is wrong. The
 * words are a list below the field: by arrow keys and Enter or Tab, by a tap, or by typing on.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call, forgetTry, join, nameOf, say } from '../actions.js';
import { store, useStore } from '../store.js';
import { Icon } from './Icon.jsx';
import { Scanner, canScan } from './Scanner.jsx';
import { WordOptions, optionId } from './WordOptions.jsx';

const NOTHING = { kind: 'empty' };

export function JoinField({ problem: problemBefore, focus = false }) {
  const [text, setText] = useState('');
  const [found, setFound] = useState(problemBefore ? { kind: 'bad', problem: problemBefore } : NOTHING);
  const [chosen, setChosen] = useState(-1);
  const [scanning, setScanning] = useState(false);
  const tried = useStore(({ engine, tried }) => (tried !== null && engine.claim?.n === tried ? engine.claim : null));
  const asked = useRef(0);
  const field = useRef(null);
  const options = found.options ?? [];
  const likely = options[chosen] ?? (options.length === 1 ? options[0] : undefined);

  const look = async (typed) => {
    setText(typed);
    forgetTry();
    const turn = ++asked.current;
    const answer = await call('inspect', { text: typed });
    if (turn !== asked.current) return answer;
    setFound(answer);
    setChosen(-1);
    if (answer.options) say({ text: s.join.suggested(answer.options.length) });
    return answer;
  };
  useEffect(() => {
    if (problemBefore || focus) field.current?.focus();
  }, [problemBefore]);
  useEffect(() => {
    if (tried?.state === 'ended') field.current?.focus();
  }, [tried?.state]);

  const connect = async (typed) => {
    const answer = await call('inspect', { text: typed });
    if (['link', 'id', 'code'].includes(answer.kind)) {
      const { problem, contact, claim: number } = await join(typed);
      if (number || contact) return;
      answer.problem = problem;
    }
    setFound({ ...answer, kind: 'bad', problem: answer.problem ?? 'empty' });
    field.current?.focus();
  };
  const submit = (event) => {
    event.preventDefault();
    if (tried?.state === 'trying') call('stopTrying');
    else connect(text);
  };
  const take = (option) => {
    look(option.text);
    field.current?.focus();
  };
  const onKeyDown = (event) => {
    if (event.isComposing || options.length === 0) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setChosen((at) => (at + step + options.length + 1) % (options.length + 1));
    else if (event.key === 'Escape') setFound({ ...found, options: undefined });
    else if ((event.key === 'Enter' || (event.key === 'Tab' && !event.shiftKey)) && likely) take(likely);
    else return;
    event.preventDefault();
  };
  const onScan = (value) => {
    setScanning(false);
    look(value).then(({ kind }) =>
      kind === 'link' || kind === 'code' ? connect(value) : setFound({ kind: 'bad', problem: 'scanned' }),
    );
  };

  const failed = tried?.state === 'ended';
  const wrong = found.kind === 'bad' || failed;
  if (scanning) return <Scanner onFound={onScan} onClose={() => setScanning(false)} />;
  return (
    <form class="join" onSubmit={submit} noValidate>
      <label for="join-text">{s.join.label}</label>
      <div class="join-line">
        <input
          id="join-text"
          ref={field}
          class="field field-code"
          type="text"
          dir="ltr"
          value={text}
          placeholder={s.join.placeholder}
          autocomplete="off"
          autocapitalize="none"
          autocorrect="off"
          spellcheck={false}
          enterkeyhint="go"
          readOnly={tried?.state === 'trying'}
          role="combobox"
          aria-expanded={options.length > 0}
          aria-controls="join-options"
          aria-autocomplete="list"
          aria-activedescendant={options[chosen] ? optionId(chosen) : undefined}
          aria-invalid={wrong}
          aria-describedby="join-note"
          onInput={(event) => look(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        {canScan && (
          <button
            type="button"
            class="button button-icon button-edge"
            aria-label={s.join.scan}
            title={s.join.scan}
            onClick={() => setScanning(true)}
          >
            <Icon name="camera" />
          </button>
        )}
      </div>
      <WordOptions options={options} chosen={chosen} take={take} />
      <p id="join-note" class={`note ${wrong ? 'note-bad' : ''}`} role="status">
        {noteOf(found, tried)}
      </p>
      <button type="submit" class={`button button-wide ${found.kind === 'code' && !failed ? 'button-main' : ''}`}>
        {tried?.state === 'trying' ? s.join.stop : found.kind === 'id' ? s.join.ask : s.join.action}
      </button>
    </form>
  );
}

function noteOf({ kind, problem, part, id }, tried) {
  if (tried?.state === 'trying') return s.join.trying;
  if (tried?.state === 'ended') return s.join.claim[tried.problem] ?? s.join.claim.other;
  if (kind === 'code') return s.join.looksCode;
  if (kind === 'link' || kind === 'id') {
    const known = store.get().engine.contacts.find((contact) => contact.id === id && contact.pairedAt);
    if (known) return s.join.known(nameOf(known));
    return kind === 'link' ? s.join.looksLink : s.join.looksId;
  }
  if (part) return s.join.part[part];
  if (problem === 'scanned') return s.scan.other;
  return kind === 'bad' || problem === 'idShort' ? s.join.problem[problem] : '';
}
