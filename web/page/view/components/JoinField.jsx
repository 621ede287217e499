/**
 * One field for a code or a link; it takes an ID, too. It completes the words of a code, and says at once what is
 * wrong. Words that fit are in a list below the field; people choose one with the arrow keys and Enter or Tab, by a
 * tap, or by typing it.
 */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { s, wordsFor } from '../../strings/index.js';
import { call, forgetTry, join, nameOf } from '../actions.js';
import { say } from '../spoken.js';
import { store, useStore } from '../store.js';
import { Icon } from './Icon.jsx';
import { OwnName } from './OwnName.jsx';
import { Scanner, canScan } from './Scanner.jsx';
import { WordOptions, optionId } from './WordOptions.jsx';

/** @typedef {import('../../engine/inspect.js').Found} Found */

/** @type {Found} */
const NOTHING = { kind: 'empty' };

/**
 * @param {{problem?: string, focus?: boolean, onTyped: (typed: boolean) => void}} props problem: of a link that opened
 *   the page
 */
export function JoinField({ problem: problemBefore, focus = false, onTyped }) {
  const [text, setText] = useState('');
  const [found, setFound] = useState(
    /** @type {Found} */ (problemBefore ? { kind: 'bad', problem: problemBefore } : NOTHING),
  );
  const [chosen, setChosen] = useState(-1);
  const [scanning, setScanning] = useState(false);
  const tried = useStore(({ engine, tried }) => (tried !== null && engine?.claim?.n === tried ? engine.claim : null));
  const asked = useRef(0);
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const scanButton = useRef(/** @type {HTMLButtonElement | null} */ (null));
  const options = found.options ?? [];
  const likely = options[chosen] ?? (options.length === 1 ? options[0] : undefined);

  /** @param {string} typed */
  const look = async (typed) => {
    setText(typed);
    onTyped(typed.trim() !== '');
    forgetTry();
    const turn = ++asked.current;
    const answer = await call('inspect', { text: typed });
    if (turn !== asked.current) return answer;
    setFound(answer);
    setChosen(-1);
    if (answer.options) say(s.join.suggested(answer.options.length));
    return answer;
  };
  useLayoutEffect(() => {
    if (problemBefore || focus) field.current?.focus();
  }, [problemBefore]);
  useLayoutEffect(() => {
    if (tried?.state === 'ended') field.current?.focus();
  }, [tried?.state]);

  /** @param {string} typed */
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
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    if (tried?.state === 'trying') void call('stopTrying');
    else void connect(text);
  };
  /** @param {{text: string}} option */
  const take = (option) => {
    void look(option.text);
    field.current?.focus();
  };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.isComposing || options.length === 0) return;
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step) setChosen((at) => (at + step + options.length + 1) % (options.length + 1));
    else if (event.key === 'Escape') setFound({ ...found, options: undefined });
    else if ((event.key === 'Enter' || (event.key === 'Tab' && !event.shiftKey)) && likely) take(likely);
    else return;
    event.preventDefault();
  };
  /**
   * Shows the code, link or ID that was found in what was pasted, instead of all the text around it. The field would
   * lose line ends, which are needed to find it.
   * @param {ClipboardEvent} event
   */
  const onPaste = async (event) => {
    const pasted = event.clipboardData?.getData('text') ?? '';
    const { selectionStart, selectionEnd, value } = /** @type {HTMLInputElement} */ (event.currentTarget);
    if (!pasted.trim() || selectionStart !== 0 || selectionEnd !== value.length) return;
    event.preventDefault();
    const { code, link, id } = await look(pasted);
    setText((now) => (now === pasted ? (code ?? link ?? id ?? pasted.replace(/\s+/g, ' ').trim()) : now));
  };
  const closeScanner = () => {
    setScanning(false);
    requestAnimationFrame(() => scanButton.current?.focus());
  };
  /** @param {string} value */
  const onScan = async (value) => {
    setScanning(false);
    const { kind } = await look(value);
    if (kind === 'link' || kind === 'code') await connect(value);
    else setFound({ kind: 'bad', problem: 'scanned' });
  };

  const failed = tried?.state === 'ended';
  const wrong = found.kind === 'bad' || failed;
  if (scanning) return <Scanner onFound={onScan} onClose={closeScanner} />;
  return (
    <form class="join" onSubmit={submit} noValidate>
      <label for="join-text">{s.join.label}</label>
      <div class="join-line">
        <input
          id="join-text"
          data-first={focus || undefined}
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
          onPaste={onPaste}
        />
        {canScan && (
          <button
            type="button"
            ref={scanButton}
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
      {text.trim() && <OwnName id="own-name-join" />}
      <button type="submit" class={`button button-wide ${text.trim() ? 'button-main' : ''}`}>
        {tried?.state === 'trying' ? s.join.stop : found.kind === 'id' ? s.join.ask : s.join.action}
      </button>
    </form>
  );
}

/** @param {Found} found @param {import('../../engine/types.js').ShownClaim | null} tried */
function noteOf({ kind, problem, part, id, word }, tried) {
  if (tried?.state === 'trying') return s.join.trying;
  if (tried?.state === 'ended') return wordsFor(s.join.claim, tried.problem) ?? s.join.claim.other;
  if (kind === 'code') return s.join.looksCode;
  if (kind === 'link' || kind === 'id') {
    const known = store.get().engine?.contacts.find((contact) => contact.id === id && contact.pairedAt);
    if (known) return s.join.known(nameOf(known));
    return kind === 'link' ? s.join.looksLink : s.join.looksId;
  }
  if (part) return wordsFor(s.join.part, part);
  if (problem === 'scanned') return s.scan.other;
  if (problem === 'codeUnknown' && word) return s.join.unknown(word);
  return kind === 'bad' || problem === 'idShort' || problem === 'codeBegin' ? wordsFor(s.join.problem, problem) : '';
}
