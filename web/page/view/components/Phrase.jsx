/** The safety phrase of a contact, and whether it has been compared. */
import { useEffect, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call, nameOf } from '../actions.js';
import { Icon } from './Icon.jsx';

/** @param {{contact: import('../../engine/types.js').ShownContact}} props */
export function Phrase({ contact }) {
  const [phrase, setPhrase] = useState(/** @type {string | null} */ (null));
  const [asking, setAsking] = useState(false);
  const [differs, setDiffers] = useState(false);
  const { id, comparedAt } = contact;
  useEffect(() => {
    void call('phrase', { contact: id }).then(setPhrase);
  }, [id]);
  /** @param {boolean} equal */
  const answer = (equal) => () => {
    setAsking(false);
    setDiffers(!equal);
    void call('compared', { contact: id, equal });
  };
  const done = comparedAt && !asking;
  return (
    <section class="phrase-part">
      <h2>{s.phrase.title}</h2>
      <p>{s.phrase.text(nameOf(contact))}</p>
      {phrase ? (
        <ol class="phrase" dir="ltr" translate={false} lang="en">
          {phrase.split(' ').map((word, index) => (
            <li key={index}>{word}</li>
          ))}
        </ol>
      ) : (
        <p class="fine">{s.phrase.making}</p>
      )}
      <div role="status">
        {done && (
          <p class="good">
            <Icon name="shield" />
            {s.phrase.compared(comparedAt)}
          </p>
        )}
        {differs && <p class="note-box note-box-bad">{s.phrase.differs}</p>}
      </div>
      <div class="buttons">
        {done ? (
          <button type="button" class="button button-small" onClick={() => setAsking(true)}>
            {s.phrase.again}
          </button>
        ) : (
          <>
            <button type="button" class="button" onClick={answer(true)} disabled={!phrase}>
              <Icon name="check" />
              {s.phrase.same}
            </button>
            <button type="button" class="button" onClick={answer(false)} disabled={!phrase}>
              {s.phrase.differ}
            </button>
          </>
        )}
      </div>
    </section>
  );
}
