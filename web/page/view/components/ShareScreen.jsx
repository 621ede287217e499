/**
 * Asks who should get what another program shared. Files are offered to that contact at once. Text goes to the
 * composer, and is not sent yet.
 */
import { useEffect, useState } from 'preact/hooks';
import { dropShared, readShared } from '../../service/shares.js';
import { s, wordsFor } from '../../strings/index.js';
import { nameOf } from '../actions.js';
import { iconOf } from '../file-words.js';
import { shareLater, shareWith } from '../sharing.js';
import { go, goBack, useEngine } from '../store.js';
import { useNow } from '../use-now.js';
import { isUnsaved } from '../unsaved.js';
import { takesFiles } from '../waiting-files.js';
import { Avatar } from './Avatar.jsx';
import { BackButton } from './BackButton.jsx';
import { Icon } from './Icon.jsx';

/** @typedef {import('../../engine/types.js').ShownContact} ShownContact */
/** @typedef {import('../../service/shares.js').SharedFile} SharedFile */

/** With more files than this, the list is closed at first. */
const LISTED = 5;

/** @param {{place: import('../store.js').OpenPlace}} props */
export function ShareScreen({ place }) {
  const id = place.shared;
  const [text, setText] = useState(place.text ?? '');
  const [files, setFiles] = useState(/** @type {SharedFile[] | null} null: not read yet */ (id ? null : []));
  const [problem, setProblem] = useState(
    place.problem === undefined ? undefined : (wordsFor(s.share.problem, place.problem) ?? s.share.problem.broken),
  );
  /** There is nothing that could be sent. */
  const [failed, setFailed] = useState(place.problem !== undefined);
  const [busy, setBusy] = useState(false);
  const fail = (/** @type {string} */ why) => {
    setFailed(true);
    setProblem(why);
  };
  useEffect(() => {
    if (!id) return;
    readShared(id).then(
      (shared) => (shared ? setFiles(shared.files) : fail(s.share.problem.gone)),
      () => fail(s.share.problem.broken),
    );
  }, [id]);

  /**
   * Leads on when it worked, and says why when it did not. Going back from there does not come here again.
   * @param {Promise<string>} sharing @param {() => void} then @param {string} [name]
   */
  const follow = async (sharing, then, name = '') => {
    setBusy(true);
    const result = await sharing.catch((error) => (isUnsaved(error) ? 'unsaved' : 'broken'));
    setBusy(false);
    if (result === 'done') return then();
    if (result === 'gone') return fail(s.share.problem.gone);
    const others = { not: s.wait.cannot(name), unsaved: s.unsaved };
    setProblem(wordsFor(others, result) ?? s.share.problem.broken);
  };
  const discard = async () => {
    if (id) await dropShared(id).catch(() => {});
    goBack();
  };
  return (
    <div class="page">
      <header class="bar">
        <BackButton />
        <h1>{failed ? s.share.failed : s.share.heading}</h1>
      </header>
      <div class="sheet">
        {problem && (
          <p class="note-box note-box-bad" role="alert">
            {problem}
          </p>
        )}
        {!failed && files && (
          <>
            {files.length > 0 && <SharedFiles files={files} />}
            {(place.text || files.length === 0) && <SharedText text={text} onText={setText} />}
            <People
              files={files.length > 0}
              busy={busy}
              onTake={(contact) =>
                follow(
                  shareWith(contact.id, id, text),
                  () => go({ screen: 'thread', contact: contact.id }, { replace: true }),
                  nameOf(contact),
                )
              }
              onLater={() => follow(shareLater(id, text), () => go({ screen: 'new' }, { replace: true }))}
            />
            {id && (
              <button type="button" class="button button-small" disabled={busy} onClick={discard}>
                {s.share.discard}
              </button>
            )}
          </>
        )}
      </div>
    </div>
  );
}

/** @param {{files: SharedFile[]}} props */
function SharedFiles({ files }) {
  const size = files.reduce((sum, file) => sum + file.size, 0);
  return (
    <details class="file-list shared-files" open={files.length <= LISTED}>
      <summary>
        {s.files.count(files.length)} <span class="fine">{s.files.size(size)}</span>
      </summary>
      <ul>
        {files.map(({ name, type, size: bytes }, n) => (
          <li key={n}>
            <Icon name={iconOf({ folder: false, group: '', type })} />
            <bdi>{name}</bdi>
            <span class="fine">{s.files.size(bytes)}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** @param {{text: string, onText: (text: string) => void}} props */
function SharedText({ text, onText }) {
  return (
    <section>
      <label for="share-text">{s.share.text}</label>
      <textarea
        id="share-text"
        class="field"
        rows={3}
        dir={text ? 'auto' : undefined}
        value={text}
        onInput={(event) => onText(event.currentTarget.value)}
      />
    </section>
  );
}

/**
 * @param {{files: boolean, busy: boolean, onTake: (contact: ShownContact) => void, onLater: () => void}} props files:
 *   only contacts who can take some are shown
 */
function People({ files, busy, onTake, onLater }) {
  const now = useNow(60_000);
  const people = useEngine((engine) => engine.contacts).filter((contact) =>
    files ? takesFiles(contact, now) : !contact.blocked,
  );
  return (
    <>
      {people.length === 0 && <p>{s.share.nobody}</p>}
      <ul class="people">
        {people.map((contact) => (
          <li key={contact.id}>
            <button type="button" class="row-button row-person" disabled={busy} onClick={() => onTake(contact)}>
              <Avatar id={contact.id} name={nameOf(contact)} />
              <bdi>{nameOf(contact)}</bdi>
            </button>
          </li>
        ))}
        <li>
          <button type="button" class="row-button row-person" disabled={busy} onClick={onLater}>
            <Icon name="plus" />
            {s.share.someone}
          </button>
        </li>
      </ul>
    </>
  );
}
