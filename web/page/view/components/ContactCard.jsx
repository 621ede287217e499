/** About one contact: the name, how they were met, the safety phrase, the ID, and how to block or delete them. */
import { useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call, nameOf } from '../actions.js';
import { forgetDraft } from '../messages.js';
import { go, useEngine } from '../store.js';
import { AcceptChoice } from './AcceptChoice.jsx';
import { BackButton } from './BackButton.jsx';
import { CopyButton } from './CopyButton.jsx';
import { ExportConversation } from './ExportConversation.jsx';
import { Key } from './Key.jsx';
import { NameForm } from './NameForm.jsx';
import { Phrase } from './Phrase.jsx';

/** @param {{place: import('../store.js').OpenPlace}} props */
export function ContactCard({ place }) {
  const contact = useEngine((engine) => engine.contacts.find(({ id }) => id === place.contact));
  const [sure, setSure] = useState(false);
  if (!contact) return null;
  const { id, blocked } = contact;
  const forget = async () => {
    await call('forget', { contact: id });
    forgetDraft(id);
    go({ screen: 'home' }, { replace: true });
  };
  return (
    <div class="page">
      <header class="bar">
        <BackButton />
        <h1>{s.contact.heading}</h1>
      </header>
      <div class="sheet">
        <NameForm
          label={s.thread.namePlaceholder}
          hint={s.thread.nameAskMore}
          value={contact.name}
          placeholder={nameOf(contact)}
          save={(name) => call('rename', { contact: id, name })}
        />
        <section>
          <p>{s.contact.how[contact.how]}</p>
          <p class="fine">{s.contact.since(contact.pairedAt ?? contact.createdAt)}</p>
        </section>
        <Phrase contact={contact} />
        <AcceptChoice contact={contact} />
        <ExportConversation contact={contact} />
        <section>
          <h2>{s.contact.id}</h2>
          <Key value={id} />
          <div class="buttons">
            <CopyButton text={id} label={s.settings.copyId} />
          </div>
        </section>
        <section class="parting">
          <p class="fine">{blocked ? s.contact.unblockMore : s.contact.blockMore}</p>
          <button
            type="button"
            class="button"
            onClick={() => (blocked ? call('unblock', { contact: id }) : call('block', { id }))}
          >
            {blocked ? s.contact.unblock : s.contact.block}
          </button>
          <p class="fine">{blocked ? s.contact.forgetBlockedMore : s.contact.forgetMore}</p>
          {sure ? (
            <div class="sure" role="group" aria-label={s.contact.forgetSure}>
              <p>{s.contact.forgetSure}</p>
              <div class="buttons">
                <button type="button" class="button button-danger" onClick={forget}>
                  {s.contact.forgetYes}
                </button>
                <button type="button" class="button" autofocus onClick={() => setSure(false)}>
                  {s.cancel}
                </button>
              </div>
            </div>
          ) : (
            <button type="button" class="button button-quiet-danger" onClick={() => setSure(true)}>
              {s.contact.forget}
            </button>
          )}
        </section>
      </div>
    </div>
  );
}
