/**
 * Asks for a name for the contact right after pairing, without interrupting anything, and for one's own if that was not
 * asked before.
 */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call, say } from '../actions.js';
import { mayAsk } from '../own-name.js';

const focusComposer = () => document.querySelector(/** @type {'textarea'} */ ('.composer textarea'))?.focus();

/** @param {{contact: import('../../engine/types.js').ShownContact, suggestion?: string, focus?: boolean}} props */
export function NameAsk({ contact, suggestion, focus = false }) {
  const [typed, setTyped] = useState(suggestion);
  const [asksOwn] = useState(() => mayAsk(contact.id));
  const [own, setOwn] = useState('');
  const name = typed ?? contact.hint; // what they call themselves may come later
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useLayoutEffect(() => {
    if (focus) field.current?.focus();
    // After pairing, the screen that had the focus is gone. On a phone, the keyboard would hide what is new.
    else if (document.activeElement === document.body && matchMedia('(pointer: fine)').matches) focusComposer();
  }, []);
  /** @param {Event} event */
  const save = async (event) => {
    event.preventDefault();
    const saving = [call('rename', { contact: contact.id, name: name.trim() })];
    if (own.trim()) saving.push(call('setName', { name: own.trim() }));
    focusComposer(); // this form goes away
    say(
      await Promise.all(saving).then(
        () => s.settings.saved,
        () => s.unsaved,
      ),
    );
  };
  return (
    <form class="name-ask" data-then=".composer textarea" onSubmit={save}>
      <div class="name-ask-field">
        <label for="name-ask">
          {s.thread.nameAsk} <span class="fine">{s.thread.nameAskMore}</span>
        </label>
        <input
          id="name-ask"
          ref={field}
          class="field"
          dir={name ? 'auto' : undefined}
          value={name}
          maxLength={48}
          placeholder={s.friend(contact.id.slice(-4))}
          autocomplete="off"
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </div>
      {asksOwn && (
        <div class="name-ask-field">
          <label for="name-ask-own">
            {s.invite.yourName} <span class="fine">{s.invite.yourNameMore}</span>
          </label>
          <input
            id="name-ask-own"
            class="field"
            dir={own ? 'auto' : undefined}
            value={own}
            maxLength={48}
            placeholder={s.settings.yourName}
            autocomplete="nickname"
            onInput={(event) => setOwn(event.currentTarget.value)}
          />
        </div>
      )}
      <button type="submit" class="button">
        {s.save}
      </button>
    </form>
  );
}
